// Whether all is well, at a glance; and if not, what is wrong and what to do.
import { h, swap, refresh, number, plural, pill, link, bar, table, heading, time, runs } from './dom.js';
import { status, groups } from './api.js';

const EVERY_MS = 5000;

export function topicLink(topic, ...text) {
  return link(`#/topics/${encodeURIComponent(topic)}`, text.length ? text : topic);
}

export function groupLink(group) {
  return link(`#/groups/${encodeURIComponent(group)}`, group);
}

export function overview(place, scope) {
  const health = h('section', { 'aria-label': 'Health' });
  const tiles = h('section', { class: 'tiles', 'aria-label': 'Numbers' });
  const brokers = h('section', { 'aria-labelledby': 'brokers' });
  const moving = h('section', { 'aria-label': 'Groups on the move' });
  const id = h('p', { class: 'sub' });
  place.append(heading('Cluster'), id, health, tiles, moving, brokers);
  scope.repeat(EVERY_MS, async () => {
    const [now, all] = await Promise.all([status(scope.signal), groups(scope.signal).catch(() => null)]);
    swap(id, h('span', { class: 'mono' }, now.cluster_id), ` as broker ${now.broker_id} knows it, `, time(now.time_ms));
    refresh(health, verdict(now));
    refresh(tiles, numbers(now, all));
    refresh(moving, onTheMove(all ?? []));
    refresh(brokers, h('h2', { id: 'brokers' }, 'Brokers'), brokerTable(now));
  });
}

function verdict(now) {
  const worse = now.problems.filter((p) => p.severity !== 'note');
  const kind = now.well ? 'good' : worse.some((p) => p.severity === 'bad') ? 'bad' : 'warning';
  const title = now.well ? 'All is well' : `${plural(worse.length, 'thing')} to look at`;
  const text = now.well
    ? `Every partition has a leader and all of its replicas; ${plural(now.brokers.length, 'broker')} up.`
    : worse.length === 1 ? 'What to do stands below.' : 'Worst first; each says what to do.';
  return [
    h('div', { class: `verdict ${kind}`, id: 'verdict' },
      h('span', { class: 'mark', 'aria-hidden': 'true' }, now.well ? '✓' : '!'),
      h('div', {}, h('p', { class: 'title' }, title), h('p', {}, text))),
    now.problems.length > 0 && h('ul', { class: 'problems' }, now.problems.map(problem)),
  ];
}

function problem(p) {
  const more = p.count - p.partitions.length;
  const byTopic = new Map();
  p.partitions.forEach((at) => byTopic.set(at.topic, [...(byTopic.get(at.topic) ?? []), at.partition]));
  return h('li', { class: `box ${p.severity}` },
    h('p', { class: 'title' }, pill(p.severity, { bad: 'act', warning: 'watch', note: 'note' }[p.severity]), ' ', p.title),
    h('p', {}, p.advice),
    p.count > 0 && h('p', { class: 'names' }, `${plural(p.count, 'partition')}: `,
      [...byTopic].map(([topic, partitions], i) => [i > 0 && '; ', topicLink(topic), ` ${runs(partitions)}`]), more > 0 && `; and ${number(more)} more`));
}

function tile(label, value, detail, extra) {
  return h('div', { class: 'tile' }, h('p', { class: 'label' }, label), h('p', { class: 'value' }, value), h('p', { class: 'detail' }, detail), extra);
}

function numbers(now, all) {
  const up = now.brokers.filter((b) => b.state === 'up').length;
  const inSync = now.replicas - now.out_of_sync;
  return [
    tile('Brokers', `${up} of ${now.brokers.length}`, now.controller_answers ? `up; controller is node ${now.controller_id}` : 'no controller answers'),
    tile('Topics', link('#/topics', number(now.topics)), plural(now.partitions, 'partition')),
    tile('Replicas in sync', now.replicas === 0 ? '–' : `${number(inSync)} of ${number(now.replicas)}`,
      now.under_replicated === 0 ? 'none is missing' : `${plural(now.under_replicated, 'partition')} under-replicated`,
      bar(inSync, now.replicas, now.out_of_sync > 0 ? 'warning' : 'good')),
    tile('Without a leader', number(now.offline), now.offline === 0 ? 'all can be written and read' : 'cannot be written or read'),
    tile('Groups', all ? link('#/groups', number(all.length)) : '–',
      all ? (unsettled(all).length === 0 ? 'none is on the move' : `${number(unsettled(all).length)} on the move`) : 'their coordinators did not tell'),
  ];
}

const SETTLED = new Set(['STABLE', 'EMPTY', 'DEAD', '']);

function unsettled(all) {
  return all.filter((g) => !SETTLED.has(g.state));
}

function onTheMove(all) {
  const some = unsettled(all);
  return some.length > 0 && h('div', { class: 'box warning' }, h('p', { class: 'title' }, 'Groups that rebalance now'),
    h('p', { class: 'names' }, some.slice(0, 10).map((g) => [groupLink(g.consumer_group_id), ' ']), 'Each page tells who is waited for.'));
}

function brokerTable(now) {
  const most = Math.max(1, ...now.brokers.map((b) => b.leads));
  return table('Brokers', [
    { label: 'Broker', cell: (b) => [h('strong', {}, String(b.broker_id)), b.broker_id === now.controller_id && [' ', pill('plain', 'controller')], b.broker_id === now.broker_id && [' ', pill('plain', 'this page')]] },
    { label: 'State', cell: (b) => pill({ up: 'good', fenced: 'bad', stopping: 'warning' }[b.state], b.state) },
    { label: 'Address', class: 'mono', cell: (b) => `${b.host}:${b.port}` },
    { label: 'Rack', cell: (b) => b.rack ?? '–' },
    { label: 'Leads', class: 'num', cell: (b) => h('span', { class: 'withbar' }, number(b.leads), bar(b.leads, most)) },
    { label: 'Replicas', class: 'num', cell: (b) => number(b.replicas) },
    { label: 'Out of sync', class: 'num', cell: (b) => (b.out_of_sync > 0 ? pill('warning', number(b.out_of_sync)) : '0') },
  ], now.brokers);
}
