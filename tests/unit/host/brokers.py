"""A real mosquitto on a free loopback port, and a subscriber that misses nothing."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_S = 20.0


def mosquitto() -> str:
    found = shutil.which("mosquitto") or shutil.which(
        "mosquitto", path="/usr/sbin:/usr/local/sbin"
    )
    if not found:
        pytest.skip("no mosquitto on this machine (Debian: apt install mosquitto)")
    return found


class Broker:
    """Keeps its sessions over a restart; ``log`` says what clients have sent."""

    def __init__(self, folder: Path) -> None:
        self._program = mosquitto()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._folder = folder
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nlog_type all\nlog_dest file {folder}/log\n"
            + ("user root\n" if folder.owner() == "root" else "")
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen([self._program, "-c", str(self._config)])
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until, "mosquitto does not come up"

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()


class Subscriber:
    """Everything under ``topic``, in a session that the broker keeps."""

    def __init__(self, broker: Broker, topic: str = "titra/#") -> None:
        self.messages: list[tuple[str, Any, bool]] = []
        self._changed = threading.Condition()
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "listener", clean_session=False)
        self._client.on_connect = lambda *args: self._client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *args: self._ready.set()
        self._client.on_message = self._note
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S)

    def _note(self, client: object, data: object, message: paho.MQTTMessage) -> None:
        text = message.payload.decode()
        value = json.loads(text) if text.startswith("{") else text
        with self._changed:
            self.messages.append((message.topic, value, message.retain))
            self._changed.notify_all()

    def of(self, kind: str) -> list[Any]:
        return [value for topic, value, _ in self.messages if topic.endswith("/" + kind)]

    def wait(self, wanted: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: wanted(self), PATIENCE_S), self.messages[-5:]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
