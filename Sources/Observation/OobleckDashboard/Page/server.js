// Talks with the server that served this page. The token came in the link, and stays in this tab.

const KEY = "oobleck-token";

/** Takes the token out of the link, so that it stands neither in the address bar nor in the history. */
export function takeToken() {
  const match = /^#token=([0-9a-f]+)$/.exec(location.hash);
  if (!match) return;
  sessionStorage.setItem(KEY, match[1]);
  history.replaceState(null, "", location.pathname + "#/");
}

function request(path, options = {}) {
  const token = sessionStorage.getItem(KEY) ?? "";
  const headers = { Authorization: `Bearer ${token}`, ...options.headers };
  return fetch(`api/${path}`, { ...options, headers });
}

async function answer(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    body = { error: `the server answered with status ${response.status}` };
  }
  if (response.ok) return body;
  const error = new Error(body.error ?? `status ${response.status}`);
  error.status = response.status;
  throw error;
}

/** Asks for data. */
export async function ask(path, signal) {
  return answer(await request(path, { signal }));
}

/** Asks for a change, and returns one line on it. */
export async function change(path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  const reply = await answer(
    await request(path, { method: "POST", headers, body: JSON.stringify(body) }),
  );
  return reply.message;
}

/** Follows a stream of server-sent events until the signal; opens it again when it breaks. */
export async function follow(path, signal, { receive, state }) {
  let pause = 500;
  while (!signal.aborted) {
    try {
      const response = await request(path, { signal });
      if (!response.ok) await answer(response);
      state(true);
      pause = 500;
      await read(response.body.getReader(), receive);
      state(false);
    } catch (error) {
      if (signal.aborted) return;
      state(false, error);
      if (error.status === 401 || error.status === 404) return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(5000, pause * 1.5);
  }
}

async function read(reader, receive) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const name = /^event: (.*)$/m.exec(event);
      const data = /^data: (.*)$/m.exec(event);
      if (name && data) receive(name[1], JSON.parse(data[1]));
    }
  }
}
