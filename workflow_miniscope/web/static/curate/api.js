// Requests to the server, and its packed arrays (workflow_miniscope/web/binary.py).

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
const ALIGNMENT = 8;

export class RequestError extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("The server cannot be reached.", 0);
  }
  if (answer.ok) return answer;
  let sentence = `The server answered ${answer.status}.`;
  if (answer.headers.get("content-type")?.startsWith("application/json")) sentence = (await answer.json()).error ?? sentence;
  throw new RequestError(sentence, answer.status);
}

export async function getJson(path, signal) {
  return (await request(path, { signal })).json();
}

export async function getArrays(path, signal) {
  return unpack(await (await request(path, { signal })).arrayBuffer());
}

export async function postJson(path, body) {
  const headers = { "content-type": "application/json" };
  return (await request(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const padded = (size) => Math.ceil(size / ALIGNMENT) * ALIGNMENT;
  let at = padded(4 + length);
  const found = { ...header };
  for (const { name, type, shape } of header.arrays) {
    const count = shape.reduce((product, n) => product * n, 1);
    found[name] = new TYPES[type](buffer, at, count);
    at += padded(found[name].byteLength);
  }
  return found;
}
