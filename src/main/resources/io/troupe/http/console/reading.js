// Reads records: a stretch of one partition or of several in order of time, and what comes from now on. Bounded in memory.
import { ask, inLanes } from './api.js';

const BINARY = 'application/vnd.kafka.binary.v2+json';
/** Of a key, a value or a header that is kept and shown. */
const KEPT_BYTES = 64 << 10;
const STEP_BYTES = 256 << 10;
const LEAST_STEP_BYTES = 16 << 10;
const LANES = 4;
const HEX_BYTES = 256;
/** What no text has. */
const CONTROL = /[\x00-\x08\x0e-\x1f]/;

/** As many as one stream of events takes. */
export const MOST_PARTITIONS = 100;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * What a record has in one place, from Base64.
 * isNull; size in bytes; text, null when it is none in UTF-8; hex of the first bytes then; cut when only the beginning is kept.
 */
export function field(base64) {
  if (base64 === null) {
    return { isNull: true, size: 0, text: null, cut: false };
  }
  const size = (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
  const cut = size > KEPT_BYTES;
  const raw = atob(cut ? base64.slice(0, Math.floor(KEPT_BYTES / 3) * 4) : base64);
  const bytes = Uint8Array.from(raw, (c) => c.charCodeAt(0));
  try {
    // A decoder that waits for more does not mind half a character at the end.
    const text = cut ? new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }) : utf8.decode(bytes);
    if (!CONTROL.test(text)) {
      return { isNull: false, size, text, cut };
    }
  } catch (e) {
    // Not text.
  }
  return { isNull: false, size, text: null, ...hex(bytes, size) };
}

function hex(bytes, size) {
  const shown = Array.from(bytes.subarray(0, HEX_BYTES), (b) => b.toString(16).padStart(2, '0')).join(' ');
  return { hex: shown, cut: size > HEX_BYTES };
}

function decoded(record) {
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    key: field(record.key),
    value: field(record.value),
    headers: record.headers.map((x) => ({ name: x.name, value: field(x.value) })),
  };
}

/** Whether a record is one that is looked for. */
export function matcher(where, text) {
  if (!text || !where) {
    return () => true;
  }
  return {
    key: (r) => r.key.text === text,
    'key-has': (r) => r.key.text?.includes(text) ?? false,
    'value-has': (r) => r.value.text?.includes(text) ?? false,
  }[where] ?? (() => true);
}

/** Goes through one partition up to where it ended when this began. */
class Cursor {
  #read = [];

  constructor(topic, partition, signal, stepBytes) {
    this.topic = topic;
    this.partition = partition;
    this.signal = signal;
    this.stepBytes = stepBytes;
    this.path = `/topics/${encodeURIComponent(topic)}/partitions/${partition}`;
  }

  /** @param from earliest, latest, an offset, timestamp:MS; or last: so many before the end */
  async begin(from, last) {
    const { beginning_offset: first, end_offset: end } = await ask(`the ends of ${this.topic}-${this.partition}`, `${this.path}/offsets`, { signal: this.signal });
    this.end = end;
    this.next = last !== null ? Math.max(first, end - last)
      : from === 'earliest' ? first
        : /^\d+$/.test(from) ? Math.max(first, Number(from)) : from;
  }

  /** The next record without taking it; null at the end. */
  async head() {
    while (this.#read.length === 0 && (typeof this.next === 'string' || this.next < this.end)) {
      const answer = await ask(`records of ${this.topic}-${this.partition}`,
        `${this.path}/records?offset=${encodeURIComponent(this.next)}&max_bytes=${this.stepBytes}&timeout=0`, { signal: this.signal, headers: { Accept: BINARY } });
      this.#read = answer.records.map(decoded).filter((r) => r.offset < this.end);
      const moved = answer.next_offset > this.next || typeof this.next === 'string';
      this.next = answer.next_offset;
      if (answer.records.length === 0 && !moved) {
        break;
      }
    }
    return this.#read[0] ?? null;
  }

  take() {
    return this.#read.shift();
  }
}

/** Several partitions as one, the earliest record first. */
export class Stretch {
  #cursors;
  scanned = 0;

  constructor(topic, partitions, signal) {
    const step = Math.max(LEAST_STEP_BYTES, Math.floor(STEP_BYTES / partitions.length));
    this.#cursors = partitions.map((p) => new Cursor(topic, p, signal, step));
  }

  async begin(from, last) {
    await inLanes(LANES, this.#cursors, (cursor) => cursor.begin(from, last));
    await inLanes(LANES, this.#cursors, (cursor) => cursor.head());
  }

  /** The next record; null at the end. */
  async next() {
    let first = null;
    let from = null;
    for (const cursor of this.#cursors) {
      const record = await cursor.head();
      if (record && (!first || record.timestamp < first.timestamp)) {
        first = record;
        from = cursor;
      }
    }
    from?.take();
    this.scanned += first ? 1 : 0;
    return first;
  }

  /** Up to so many that match, going through at most so many. */
  async some(count, matches, most, progress = () => {}) {
    const found = [];
    const until = this.scanned + most;
    while (found.length < count && this.scanned < until) {
      const record = await this.next();
      if (!record) {
        return { found, ended: true };
      }
      if (matches(record)) {
        found.push(record);
      }
      if (this.scanned % 1000 === 0) {
        progress(this.scanned, found.length);
        // Lets the page breathe, and be left.
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    return { found, ended: false };
  }
}

/** What is written from now on. One stream; what fails for good is told. */
export class Tail {
  #source = null;

  /** @param partition null for all */
  constructor(topic, partition, { came, failed, state }) {
    this.url = `/topics/${encodeURIComponent(topic)}${partition === null ? '' : `/partitions/${partition}`}/records?offset=latest&format=binary`;
    this.came = came;
    this.failed = failed;
    this.state = state;
  }

  open() {
    this.close();
    const source = new EventSource(this.url);
    this.#source = source;
    source.onopen = () => this.state('listening');
    source.onmessage = (event) => this.came(decoded(JSON.parse(event.data)));
    source.onerror = (event) => {
      if (event.data) {
        this.close();
        this.failed(JSON.parse(event.data).message);
      } else if (source.readyState === EventSource.CLOSED) {
        this.failed('this broker refuses the stream; does the topic exist?');
      } else {
        this.state('reconnecting');
      }
    };
  }

  close() {
    this.#source?.close();
    this.#source = null;
  }
}
