"""Scrapes once when it is told to: `scraper.py HOST PORT FORM ENCODING` prints the seconds and the bytes."""

import http.client
import sys
import time

ACCEPT = {
    "text": "text/plain; version=0.0.4",
    "openmetrics": "application/openmetrics-text; version=1.0.0",
}


def main() -> int:
    host, port, form, encoding = sys.argv[1:]
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.connect()
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.perf_counter()
    connection.request("GET", "/metrics", headers={"Accept": ACCEPT[form], "Accept-Encoding": encoding})
    answer = connection.getresponse()
    size = 0
    while piece := answer.read1(1 << 20):
        size += len(piece)
    print(time.perf_counter() - begun, size, flush=True)
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
