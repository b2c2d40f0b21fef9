"""A second line to a notebook's kernel, beside the browser's: asks for values, hears what failed.

Plain ZeroMQ, since Playwright's synchronous interface and asyncio do not share a thread.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:\s.*\n|\n)*\S.*\n")


class KernelConnection:
    """Connected to a running kernel by its connection file."""

    def __init__(self, connection_file: Path) -> None:
        info = json.loads(connection_file.read_text())
        self._session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"])
        self._context = zmq.Context()
        self._shell = self._context.socket(zmq.DEALER)
        self._iopub = self._context.socket(zmq.SUB)
        self._iopub.setsockopt(zmq.RCVHWM, 0)  # keep all until drained
        self._iopub.setsockopt(zmq.SUBSCRIBE, b"")
        for channel, port in ((self._shell, "shell_port"), (self._iopub, "iopub_port")):
            channel.connect(f"{info['transport']}://{info['ip']}:{info[port]}")
        self._errors: list[str] = []
        self._stderr = ""
        self.evaluate("None")  # the kernel has heard of us before a test goes on

    def evaluate(self, expression: str, timeout: float = 30) -> Any:
        """The value of `expression` in the kernel's namespace, as JSON. Waits for a running cell."""
        code = f"__import__('json').dumps({expression}, default=repr)"
        content = {"code": "", "silent": True, "store_history": False, "user_expressions": {"value": code}}
        content |= {"allow_stdin": False, "stop_on_error": False}
        sent = self._session.send(self._shell, "execute_request", content)
        while self._shell.poll(int(timeout * 1000)):
            _, reply = self._session.recv(self._shell, mode=0)
            if reply and reply["parent_header"].get("msg_id") == sent["msg_id"]:
                break
        else:
            raise TimeoutError(f"the kernel did not answer within {timeout} s: {expression}")
        self._drain()
        value = reply["content"]["user_expressions"]["value"]
        if value["status"] != "ok":
            raise RuntimeError(f"{expression}: {value['ename']}: {value['evalue']}")
        return json.loads(ast.literal_eval(value["data"]["text/plain"]))

    def take_errors(self) -> list[str]:
        """Tracebacks raised in callbacks and threads since the last call; those of cells do not count."""
        self._drain()
        errors, self._errors = self._errors, []
        return errors

    def _drain(self) -> None:
        while self._iopub.poll(20):
            _, message = self._session.recv(self._iopub, mode=0)
            parent = message["parent_header"].get("msg_type")
            content = message["content"]
            if message["msg_type"] == "error" and parent != "execute_request":
                self._errors.append("in the kernel: " + _plain("\n".join(content["traceback"])))
            elif message["msg_type"] == "stream" and content["name"] == "stderr":
                self._stderr += _plain(content["text"])
        # A thread's traceback may come in pieces: take it when it is whole.
        while whole := TRACEBACK.search(self._stderr):
            self._errors.append("in the kernel: " + whole.group())
            self._stderr = self._stderr[whole.end() :]

    def close(self) -> None:
        """Close both channels; the kernel stays."""
        self._context.destroy(linger=0)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
