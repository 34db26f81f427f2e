"""A tool as WEKA's own are (export, snaptool, weka-mon): wekalib, unchanged, and the token file it finds.

    cluster_tool.py HOSTS [--https] [NAME=ADDRESS]...

Standard input says what to do; see told.py.
NAME=ADDRESS is what the site's name service knows: wekalib looks up the names that the cluster gives its hosts.
"""

import socket
import sys

import told
from wekalib.wekacluster import WekaCluster

HOSTS = sys.argv[1]
HTTPS = "--https" in sys.argv
NAMES = dict(argument.split("=") for argument in sys.argv[2:] if "=" in argument)

system_lookup = socket.getaddrinfo


def look_up(host, *arguments, **options):
    """Answers for the site's names; no other is ever sent to a name server."""
    address = NAMES.get(host, host)
    if not address.replace(".", "").isdigit():
        raise socket.gaierror(socket.EAI_NONAME, f"{host}: not known here")
    return system_lookup(address, *arguments, **options)


socket.getaddrinfo = look_up
socket.gethostbyname = lambda host: look_up(host, None)[0][4][0]

cluster = None


def do(words):
    global cluster
    match words:
        case ["open", port]:
            cluster = WekaCluster(HOSTS, "auth-token.json", force_https=HTTPS, verify_cert=False, mgmt_port=int(port))
            return cluster.name
        case ["call", method]:
            return cluster.call_api(method=method, parms={})
        case ["refresh"]:
            # Looks for hosts that came or went, and saves the tokens: what the long-running tools do every minute.
            cluster.refresh()
            return list(cluster.hosts())
    raise ValueError(f"no such thing to do: {words}")


told.lines(do)
