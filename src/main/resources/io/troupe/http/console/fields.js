// Fields of forms: among them a topic's name, which offers those that there are, and a partition of it.
import { h, swap } from './dom.js';
import { topicsLike, partitionsOf } from './api.js';

const OFFERED = 50;

export function option(value, text, selected) {
  return h('option', { value, selected: value === selected }, text);
}

export function labelled(label, control, hint) {
  return h('label', { class: 'field' }, h('span', {}, label), control, hint && h('small', {}, hint));
}

/** Topics to offer for what is typed, internal ones last; there may be thousands, so a few. */
export async function offered(typed, internal, signal) {
  const { topics } = await topicsLike(typed, internal, 0, OFFERED, signal);
  return topics.sort((a, b) => a.internal - b.internal);
}

/**
 * A field for a topic's name, its list of names to choose from, and a field for a partition.
 *
 * @param topics to offer at first
 * @param internal whether internal ones are offered, too
 * @param any what no partition means
 * @param changed told how many partitions the topic has when it is another one; null when there is none
 * @returns {topic, list, partition, look}; look(selected) asks how many partitions there are
 */
export function topicFields(scope, { topics, internal, value, any, changed = () => {} }) {
  const list = h('datalist', { id: 'topic-names' });
  const partition = h('select', { id: 'partition' }, option('', any, ''));
  let last = 0;

  function offer(some) {
    swap(list, some.map((t) => h('option', { value: t.name })));
  }

  async function type() {
    const turn = ++last;
    const some = await offered(topic.value, internal, scope.signal);
    if (turn === last) {
      offer(some);
    }
  }

  async function look(selected) {
    const name = topic.value;
    const count = name === '' ? null : await partitionsOf(name, scope.signal);
    if (name === topic.value) {
      swap(partition, option('', any, selected), Array.from({ length: count ?? 0 }, (none, p) => option(String(p), String(p), selected)));
      changed(name, count);
    }
    return count;
  }

  const topic = h('input', {
    id: 'topic', name: 'topic', list: 'topic-names', value, required: true, autocomplete: 'off', spellcheck: 'false', placeholder: 'Name of a topic',
    // What it offers is a help only.
    input: () => type().catch(() => {}),
    change: () => look('').catch((e) => scope.fail(e)),
  });
  offer(topics);
  return { topic, list, partition, look };
}
