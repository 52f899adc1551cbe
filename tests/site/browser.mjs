/* Chromium without a window, spoken to through a pipe (the DevTools protocol): nothing to install. */
import { spawn } from "node:child_process";

export async function openBrowser() {
  const browser = spawn(process.env.CHROMIUM || "chromium",
    ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const waiting = new Map(), listeners = new Set();
  let number = 0, rest = "";
  browser.stdio[4].on("data", data => {
    const texts = (rest + data).split("\0");
    rest = texts.pop();
    for (const text of texts) {
      const message = JSON.parse(text), done = waiting.get(message.id);
      waiting.delete(message.id);
      if (done && message.error) done.reject(new Error(message.error.message));
      else if (done) done.resolve(message.result);
      else listeners.forEach(listener => listener(message));
    }
  });
  const send = (method, params = {}, sessionId) => new Promise((resolve, reject) => {
    waiting.set(++number, { resolve, reject });
    browser.stdio[3].write(JSON.stringify({ id: number, method, params, sessionId }) + "\0");
  });
  /* a page at that address, in a window of that size; `asked` and `errors` grow while it is used */
  async function open(url, { width = 1400, height = 900, dark = false, script = true } = {}) {
    const { targetId } = await send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    const asked = [], errors = [], call = (method, params) => send(method, params, sessionId);
    let loaded;
    const done = new Promise(resolve => { loaded = resolve; });
    listeners.add(({ method, params, sessionId: from }) => {
      if (from !== sessionId) return;
      if (method === "Page.loadEventFired") loaded();
      if (method === "Network.requestWillBeSent" && !/^data:/.test(params.request.url))
        asked.push(params.request.url);
      if (method === "Runtime.exceptionThrown") errors.push(JSON.stringify(params.exceptionDetails));
      if (method === "Runtime.consoleAPICalled" && params.type !== "log")
        errors.push(JSON.stringify(params.args));
      if (method === "Log.entryAdded") errors.push(params.entry.text);
    });
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await call(domain + ".enable");
    await call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1,
                                                       mobile: width < 600 });
    await call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme",
                                                            value: dark ? "dark" : "light" }] });
    await call("Emulation.setScriptExecutionDisabled", { value: !script });
    const start = Date.now();
    await call("Page.navigate", { url });
    await done;
    return {
      asked, errors, milliseconds: Date.now() - start,
      async run(expression) {
        const result = await call("Runtime.evaluate", { expression, returnByValue: true,
                                                        awaitPromise: true });
        if (result.exceptionDetails) throw new Error(JSON.stringify(result.exceptionDetails));
        return result.result.value;
      },
      async press(key, times = 1) {
        const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
        for (let i = 0; i < times; i++) {
          await call("Input.dispatchKeyEvent", { type: "keyDown", key, text, code: key,
            windowsVirtualKeyCode: key === "Enter" ? 13 : undefined });
          await call("Input.dispatchKeyEvent", { type: "keyUp", key, code: key });
        }
      },
      async click(selector) {
        const at = await this.run(`(() => { const e = document.querySelector(${JSON.stringify(selector)});
          e.scrollIntoView({ block: "center", inline: "center" });
          const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`);
        for (const type of ["mousePressed", "mouseReleased"])
          await call("Input.dispatchMouseEvent", { type, x: at[0], y: at[1], button: "left",
                                                   clickCount: 1 });
      },
      /* the mouse goes through points, which are parts of the element's width and height */
      async drag(selector, points) {
        const box = await this.run(`(() => { const e = document.querySelector(${JSON.stringify(selector)});
          e.scrollIntoView({ block: "center" });
          const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()`);
        const mouse = (type, [x, y]) => call("Input.dispatchMouseEvent", { type, button: "left",
          x: box[0] + x * box[2], y: box[1] + y * box[3], clickCount: 1 });
        await mouse("mousePressed", points[0]);
        for (const point of points.slice(1)) await mouse("mouseMoved", point);
        await mouse("mouseReleased", points.at(-1));
      },
      async picture(whole = false) {
        const { data } = await call("Page.captureScreenshot", { captureBeyondViewport: whole });
        return Buffer.from(data, "base64");
      },
      close: () => send("Target.closeTarget", { targetId })
    };
  }
  return { open, close: () => send("Browser.close").catch(() => {}) };
}
