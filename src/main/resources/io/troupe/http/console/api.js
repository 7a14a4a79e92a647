// Asks this broker. An answer that is none becomes a Failure that says what was asked and what went wrong.

const PATIENCE_MS = 30000;

export class Failure extends Error {
  constructor(what, message, status) {
    super(message);
    this.what = what;
    this.status = status;
  }
}

/** Whether answers come: listeners are told with each. */
export const health = new EventTarget();

function told(ok) {
  health.dispatchEvent(new CustomEvent('answer', { detail: ok }));
}

/** The end of what asks and the end of patience as one; older browsers know no AbortSignal.any. */
function either(signal) {
  const both = new AbortController();
  const timer = setTimeout(() => both.abort(new DOMException(`no answer within ${PATIENCE_MS / 1000} s`, 'TimeoutError')), PATIENCE_MS);
  const stop = () => both.abort(signal.reason);
  if (signal) {
    signal.aborted ? stop() : signal.addEventListener('abort', stop);
  }
  return { signal: both.signal, done: () => { clearTimeout(timer); signal?.removeEventListener('abort', stop); } };
}

/** @param what is asked for, to be named when it fails */
export async function ask(what, url, options = {}) {
  const { signal, done } = either(options.signal);
  try {
    const response = await fetch(url, { ...options, signal, cache: 'no-store', headers: { Accept: 'application/json', ...options.headers } });
    told(true);
    const text = await response.text();
    let body = null;
    try {
      body = text ? JSON.parse(text) : null;
    } catch (e) {
      throw new Failure(what, `the answer is no JSON (status ${response.status})`, response.status);
    }
    if (!response.ok) {
      throw new Failure(what, body?.message ?? `status ${response.status}`, response.status);
    }
    return body;
  } catch (e) {
    if (e instanceof Failure || options.signal?.aborted) {
      throw e;
    }
    told(false);
    throw new Failure(what, e.name === 'TimeoutError' ? e.message : 'this broker does not answer; is it running?', 0);
  } finally {
    done();
  }
}

let cluster = null;

/** Asks below the path of the cluster, in which REST Proxy v3 has its id. */
async function askCluster(what, path, signal) {
  cluster ??= (await ask('the cluster', '/v3/clusters', { signal })).data[0].cluster_id;
  try {
    return await ask(what, `/v3/clusters/${cluster}/${path}`, { signal });
  } catch (e) {
    if (e.status === 404) {
      // It may have been made anew since.
      cluster = null;
    }
    throw e;
  }
}

export const status = (signal) => ask('the status of the cluster', '/troupe/status', { signal });

/** Some of the topics that have a text in their names, sorted: {found, topics}. */
export function topicsLike(contains, internal, first, count, signal) {
  return ask('the topics', `/troupe/topics?${new URLSearchParams({ contains, internal, first, count })}`, { signal });
}

/** How many partitions a topic has; null when there is no such topic. */
export async function partitionsOf(topic, signal) {
  try {
    return (await askCluster(`topic ${topic}`, `topics/${encodeURIComponent(topic)}`, signal)).partitions_count;
  } catch (e) {
    if (e.status === 404) {
      return null;
    }
    throw e;
  }
}

let server = null;

/** Where Kafka's clients reach a broker that was up. */
export async function bootstrap(signal) {
  if (!server) {
    const up = (await status(signal)).brokers.filter((b) => b.state === 'up');
    server = up.length > 0 ? `${up[0].host}:${up[0].port}` : null;
  }
  return server ?? 'localhost:9092';
}

export async function groups(signal) {
  return (await askCluster('the groups', 'consumer-groups', signal)).data;
}

export const lagSummary = (group, signal) => askCluster(`the lag of ${group}`, `consumer-groups/${encodeURIComponent(group)}/lag-summary`, signal);

/** One of many things at a time on each of so many lanes. */
export async function inLanes(lanes, things, work) {
  const rest = [...things];
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (rest.length > 0) {
      await work(rest.shift());
    }
  }));
}
