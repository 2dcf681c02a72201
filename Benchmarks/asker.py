"""Asks an agent for its status at a steady pace until it is ended by SIGTERM, so that it shares no interpreter with what
is measured; then prints how many answers a second it got as a JSON object:

    asker.py SOCKET PER_SECOND
"""

import json
import signal
import sys
import time

from sandbox import Control


def ask(path, per_second):
    """Answers that are late are not made up for: the next question comes when it would have come, or at once."""
    control = Control(path)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("ready", flush=True)
    began = due = time.perf_counter()
    answers = 0
    while not ended:
        control.ask("status", "--json")
        answers += 1
        due = max(due + 1 / per_second, time.perf_counter() - 1)
        time.sleep(max(0, due - time.perf_counter()))
    print(json.dumps({"per_second": answers / (time.perf_counter() - began)}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    ask(sys.argv[1], int(sys.argv[2]))
