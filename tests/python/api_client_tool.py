"""A tool that uses wekalib's other half, `weka_restapi.WekaAPIClient`, unchanged: over http, at port 14000.

Standard input says what to do; see told.py.
"""

import subprocess

import told
from requests.exceptions import Timeout
from wekalib.weka_restapi import WekaAPIClient

client = None


def patiently(call):
    """It gives the cluster a fifth of a second, which a busy machine may not keep."""
    for _ in range(50):
        try:
            return call()
        except Timeout:
            pass
    return call()


def do(words):
    global client
    match words:
        case ["open", host]:
            client = WekaAPIClient(host)
            return None
        case ["login", user, password]:
            auth = patiently(lambda: client.login(user, password))
            return sorted(auth)
        case ["borrow", weka_token]:
            # No password and no session of its own: the daemon's token, asked for again whenever it is used.
            got = subprocess.run([weka_token, "get"], check=True, capture_output=True, text=True)
            client.token_type, client.api_key = "Bearer", got.stdout.strip()
            return None
        case ["cluster"]:
            return client.get_cluster()["data"]["name"]
        case ["containers"]:
            return [container["hostname"] for container in client.get_base_containers()]
    raise ValueError(f"no such thing to do: {words}")


told.lines(do)
