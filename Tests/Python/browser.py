"""Drives a headless Chromium over its DevTools pipe, by lines of JSON: a command in, an answer out.

    {"open": URL}            opens a page, and answers when it has loaded
    {"evaluate": SCRIPT}     answers with the value of an expression, promises awaited
    {"size": [W, H]}         sets the size of the window in pixels
    {"dark": true}           asks for the dark or the light mode
    {"picture": FILE}        writes the whole page as PNG

Answers are {"value": ...} or {"error": TEXT}. Ends when its input does. The standard library is enough.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile

DEADLINE = 60


class Browser:
    """One page of a Chromium of its own, whose files are in a temporary folder."""

    def __init__(self, folder):
        ours, theirs = os.pipe(), os.pipe()
        command = (
            f"exec chromium --headless=new --no-sandbox --disable-gpu --remote-debugging-pipe "
            f"--user-data-dir={folder} about:blank 3<&{ours[0]} 4>&{theirs[1]}"
        )
        self.process = subprocess.Popen(
            ["bash", "-c", command],
            pass_fds=(ours[0], theirs[1]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self.output = os.fdopen(ours[1], "wb", buffering=0)
        self.input = os.fdopen(theirs[0], "rb")
        self.rest = b""
        self.last = 0
        self.session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def call(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.output.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") != self.last:
                continue
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            return answer["result"]

    def next(self):
        while b"\0" not in self.rest:
            piece = os.read(self.input.fileno(), 1 << 16)
            if not piece:
                raise RuntimeError("the browser ended")
            self.rest += piece
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def open(self, address):
        # A page that differs from the last in its fragment only would not be loaded.
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        return self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done(true) "
            ": addEventListener('load', () => done(true)))"
        )

    def evaluate(self, script):
        result = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            timeout=DEADLINE * 1000,
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def size(self, size):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=False,
        )

    def dark(self, is_dark):
        feature = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def picture(self, path):
        height = self.evaluate("document.documentElement.scrollHeight")
        width = self.evaluate("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 8000), "scale": 1}
        data = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            for line in sys.stdin:
                ((name, value),) = json.loads(line).items()
                try:
                    answer = {"value": getattr(browser, name)(value)}
                except RuntimeError as error:
                    answer = {"error": str(error)}
                print(json.dumps(answer), flush=True)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
