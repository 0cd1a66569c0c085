"""Being told to stop: Ctrl-C, SIGTERM and a closed terminal end a run in good order."""

import signal
import subprocess
import threading
from types import FrameType

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Someone asked us to stop; like KeyboardInterrupt, no `except Exception` catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal ended."""
        return 128 + self.number


def raise_on_stop() -> None:
    """Turn the first stop signal into Stopped; later ones do not disturb the clean-up."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in STOP:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    if threading.current_thread() is threading.main_thread():
        for number in STOP:
            signal.signal(number, stop)


def wait_for(command: subprocess.Popen[bytes], *, patience_seconds: float) -> int:
    """Wait for a command in our own terminal; when we are stopped, pass it on and let it end."""
    try:
        return command.wait()
    except Stopped as stopped:
        # Ctrl-C has reached the command already: it shares our terminal.
        if stopped.number != signal.SIGINT:
            command.send_signal(stopped.number)
        try:
            command.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            command.kill()
            command.wait()
        raise
