"""Standard input says what to do, a line each; each answer is one line of JSON, {"ok": ...} or {"error": ..., "words": ...}."""

import json
import sys


def lines(do):
    """Does what each line says, until there are no more."""
    for line in sys.stdin:
        try:
            answer = {"ok": do(line.split())}
        except Exception as error:
            answer = {"error": type(error).__name__, "words": str(error)}
        print(json.dumps(answer), flush=True)
