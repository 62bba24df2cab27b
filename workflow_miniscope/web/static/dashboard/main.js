// Asks what goes on every few seconds, and shows it.

const PAUSE = 5000;
const STATES = ["done", "running", "waiting", "failed", "ignored"];
const WORDS = { running: "being computed", ignored: "left alone" };
const find = (id) => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  if (hours) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return minutes ? `${minutes} min` : `${Math.round(seconds)} s`;
}

function barOf(parts) {
  const bar = element("div", "bar");
  for (const [kind, share] of parts) {
    const part = element("div", kind);
    part.style.flexGrow = share;
    bar.append(part);
  }
  return bar;
}

const many = (count, one, several) => `${count} ${count === 1 ? one : several}`;

function showNumbers(state) {
  const table = (name) => state.tables.find((one) => one.name === name);
  const recordings = (table("miniscope.Recording")?.done ?? 0) + (table("facemap.VideoRecording")?.done ?? 0);
  const failed = state.tables.reduce((sum, one) => sum + one.failed, 0);
  const spent = state.costs.reduce((sum, one) => sum + one.seconds, 0);
  const waits = state.tables.some((one) => one.waiting || one.running);
  const left = state.left_s === null ? "not known yet" : state.left_s ? `about ${duration(state.left_s)}` : waits ? "a moment" : "nothing";
  const numbers = [
    [recordings, "recordings"],
    [state.workers, state.workers === 1 ? "worker" : "workers"],
    [state.tasks.length, "being computed"],
    [failed, "failed", failed ? "failed" : ""],
    [left, "left to compute"],
    [duration(spent), "spent so far"],
  ];
  find("numbers").replaceChildren(...numbers.map(([value, what, kind]) => {
    const shown = element("div", `number ${kind ?? ""}`);
    shown.append(element("b", "", value), element("span", "", what));
    return shown;
  }));
}

function showTasks(state) {
  const shown = state.tasks.map((task) => {
    const line = element("div", "task");
    line.append(element("b", "", task.name), ` · ${state.words[task.step] ?? task.step}`);
    line.append(element("div", "quiet", `on ${task.host}, for ${duration(task.seconds)}`));
    if (!task.alive) line.append(element("div", "lost", "Not heard of any more: another worker takes it over."));
    else if (task.expected_s) {
      const part = Math.min(task.seconds / task.expected_s, 0.99);
      const bar = barOf([["running", part], ["spare", 1 - part]]);
      bar.setAttribute("role", "progressbar");
      bar.setAttribute("aria-valuenow", Math.round(100 * part));
      bar.setAttribute("aria-label", `Progress of ${task.name}`);
      line.append(bar, element("div", "quiet", `takes about ${duration(task.expected_s)} in all, by earlier recordings`));
    }
    return line;
  });
  const nothing = state.workers ? "Nothing. The workers wait for new recordings." : "Nothing: no worker is running. One is started with “workflow-miniscope worker”.";
  find("tasks").replaceChildren(...(shown.length ? shown : [element("p", "quiet", nothing)]));
}

function showFailures(state) {
  const shown = state.failures.map((failure) => {
    const line = element("div", "failure");
    line.append(element("b", "", failure.name), ` · ${state.words[failure.step] ?? failure.step}`);
    line.append(element("div", "", failure.cause));
    const actions = element("div", "actions");
    for (const [action, label] of [["retry", "Try again"], ["ignore", "Leave alone"]]) {
      const button = element("button", "", label);
      button.type = "button";
      button.setAttribute("aria-label", `${label}: ${failure.name}`);
      button.addEventListener("click", () => act(actions, { action, name: failure.name, table: failure.step }));
      actions.append(button);
    }
    line.append(actions);
    return line;
  });
  find("failures").replaceChildren(...(shown.length ? shown : [element("p", "quiet", "Nothing.")]));
}

function showSteps(state) {
  const rows = state.tables.filter((one) => state.words[one.name] && STATES.some((what) => one[what]));
  find("steps").replaceChildren(...rows.map((one) => {
    const row = element("div", "row");
    const there = STATES.filter((what) => one[what]);
    const bar = barOf(there.map((what) => [what, one[what]]));
    const said = there.map((what) => `${one[what]} ${WORDS[what] ?? what}`);
    bar.setAttribute("role", "img");
    bar.setAttribute("aria-label", said.join(", "));
    row.append(element("div", "", state.words[one.name]), bar, element("div", "count", said.join(", ")));
    return row;
  }));
  const head = element("tr");
  head.append(...["table", ...STATES.map((what) => WORDS[what] ?? what)].map((what) => element("th", "", what)));
  find("tables").replaceChildren(head, ...state.tables.map((one) => {
    const row = element("tr");
    row.append(element("td", "", one.name), ...STATES.map((what) => element("td", "", one[what] || "")));
    return row;
  }));
}

function showCosts(state) {
  const largest = Math.max(...state.costs.map((one) => one.seconds), 1);
  find("costs").replaceChildren(...state.costs.slice(0, 20).map((one) => {
    const row = element("div", "row");
    const bar = barOf([["done", one.seconds], ["spare", largest - one.seconds]]);
    row.append(element("div", "", one.name), bar, element("div", "count", duration(one.seconds)));
    return row;
  }));
  if (!state.costs.length) find("costs").append(element("p", "quiet", "Nothing was computed yet."));
  if (state.costs.length > 20) find("costs").append(element("p", "quiet", `and ${many(state.costs.length - 20, "session", "sessions")} more`));
}

function say(sentence) {
  find("problem").hidden = !sentence;
  find("problem").textContent = sentence ?? "";
}

async function answerOf(path, options) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, options);
  } catch {
    throw new Error("The program that shows this page has ended. Start it again: workflow-miniscope dashboard");
  }
  const json = answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : {};
  if (!answer.ok) throw new Error(json.error ?? `The server answered ${answer.status}.`);
  return json;
}

async function act(actions, body) {
  for (const button of actions.querySelectorAll("button")) button.disabled = true;
  try {
    await answerOf("jobs", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    await look();
  } catch (error) {
    say(error.message);
  }
}

async function look() {
  try {
    const state = await answerOf("state");
    find("place").textContent = `in ${state.place}`;
    find("seen").textContent = `As of ${new Date(state.time).toLocaleTimeString()}`;
    document.title = state.tasks.length ? `${many(state.tasks.length, "computation", "computations")} running` : "What goes on";
    for (const show of [showNumbers, showTasks, showFailures, showSteps, showCosts]) show(state);
    say();
  } catch (error) {
    say(error.message);
  }
  document.body.dataset.ready = "";
}

async function again() {
  if (!document.hidden) await look();
  setTimeout(again, PAUSE);
}

document.addEventListener("visibilitychange", () => document.hidden || look());
again();
