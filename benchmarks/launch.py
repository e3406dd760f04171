"""Runs ``launch.py REPORT COMMAND …`` and writes into REPORT what it took, as JSON.

A process of its own, as small as can be: what a program is started from counts as its memory.
"""

import os
import sys
import time

_SILENT = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]


def main() -> None:
    report, *words = sys.argv[1:]
    begin = time.perf_counter()
    process = os.posix_spawn(words[0], words, os.environ, file_actions=_SILENT)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in KiB elsewhere
    code = os.waitstatus_to_exitcode(status)
    with open(report, "w") as stream:  # noqa: PTH123 - pathlib would be as large as the rest
        stream.write(f"[{seconds}, {usage.ru_utime + usage.ru_stime}, {usage.ru_maxrss * unit // 10**6}, {code}]")


if __name__ == "__main__":
    main()
