"""A script with requests, as the README has it.

Standard input says what to do, a line each; each answer is one line of JSON, {"ok": ...} or {"error": ..., "words": ...}.
"""

import contextlib
import io
import json
import runpy
import sys

script = {}


def do(words):
    global script
    match words:
        case ["run", path]:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                script = runpy.run_path(path)
            return printed.getvalue()
        case ["get", url]:
            answer = script["weka"].get(url)
            answer.raise_for_status()
            return answer.json()["data"]
    raise ValueError(f"no such thing to do: {words}")


for line in sys.stdin:
    try:
        answer = {"ok": do(line.split())}
    except Exception as error:
        answer = {"error": type(error).__name__, "words": str(error)}
    print(json.dumps(answer), flush=True)
