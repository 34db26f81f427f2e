"""A script with requests, as the README has it.

Standard input says what to do; see told.py.
"""

import contextlib
import io
import runpy

import told

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


told.lines(do)
