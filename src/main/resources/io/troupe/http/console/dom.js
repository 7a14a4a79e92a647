// Makes elements. Whatever is shown becomes text or an attribute; nothing here or elsewhere parses HTML.

/** An element; attributes with the names of events are listeners, null and false leave one out, children may be lists. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (typeof value === 'function') {
      element.addEventListener(name, value);
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Puts other children into an element. */
export function swap(element, ...children) {
  keepingFocus(element, () => element.replaceChildren(...flat(children)));
}

/** As swap, but children that would look the same stay, and with them what is selected there. */
export function refresh(element, ...children) {
  const newer = flat(children);
  const old = [...element.childNodes];
  if (old.length !== newer.length || !newer.every((child) => child instanceof Node)) {
    swap(element, newer);
    return;
  }
  keepingFocus(element, () => newer.forEach((child, i) => {
    if (!child.isEqualNode(old[i])) {
      old[i].replaceWith(child);
    }
  }));
}

/** What has the focus there keeps it, known by its id, its link or its kind, and its place among those like it. */
function keepingFocus(element, work) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const href = focused?.getAttribute('href');
  const key = focused && (focused.id ? `#${CSS.escape(focused.id)}` : href ? `a[href="${CSS.escape(href)}"]` : focused.localName);
  const place = key ? [...element.querySelectorAll(key)].indexOf(focused) : -1;
  work();
  if (key && document.activeElement !== focused) {
    const alike = element.querySelectorAll(key);
    (alike[place] ?? alike[0])?.focus({ preventScroll: true });
  }
}

const whole = new Intl.NumberFormat('en');

export function number(n) {
  return n === null || n === undefined || n < 0 ? '–' : whole.format(n);
}

export function plural(n, one, several = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : several}`;
}

export function duration(ms) {
  if (ms < 0) {
    return '–';
  }
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  const s = ms / 1000;
  if (s < 10) {
    return `${s.toFixed(1)} s`;
  }
  if (s < 120) {
    return `${Math.round(s)} s`;
  }
  if (s < 7200) {
    return `${Math.round(s / 60)} min`;
  }
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

export function bytes(n) {
  if (n < 1000) {
    return `${n} B`;
  }
  return n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

const two = (n) => String(n).padStart(2, '0');

/** In this machine's zone. */
export function clock(ms) {
  const t = new Date(ms);
  return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${String(t.getMilliseconds()).padStart(3, '0')}`;
}

export function date(ms) {
  const t = new Date(ms);
  return Number.isNaN(t.getTime()) ? String(ms) : `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${clock(ms)}`;
}

export function time(ms) {
  const valid = !Number.isNaN(new Date(ms).getTime());
  return h('time', { datetime: valid ? new Date(ms).toISOString() : null, title: `${ms} ms since 1970` }, ms < 0 ? 'none' : date(ms));
}

export function pill(kind, text) {
  return h('span', { class: `pill ${kind}` }, text);
}

export function link(href, ...children) {
  return h('a', { href }, children);
}

/** A share of a whole as a bar; the number stands beside it, so this is for eyes only. */
export function bar(part, all, kind = '') {
  const fill = h('span', { class: `fill ${kind}` });
  // By property: the policy allows no style attributes.
  fill.style.width = `${all > 0 ? Math.max(part > 0 ? 2 : 0, Math.min(100, (100 * part) / all)) : 0}%`;
  return h('span', { class: 'bar', 'aria-hidden': 'true' }, fill);
}

/** @param columns {label, cell(row), class}; on small screens rows become cards with the labels in them */
export function table(caption, columns, rows) {
  // With roles, because a table whose parts are blocks is none to a screen reader.
  return h('div', { class: 'table' }, h('table', { role: 'table' },
    h('caption', { class: 'sr' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map((c) => h('th', { scope: 'col', role: 'columnheader', class: c.class }, c.label)))),
    h('tbody', { role: 'rowgroup' }, rows.map((row) => h('tr', { role: 'row' }, columns.map((c) => h('td', { role: 'cell', class: c.class, 'data-label': c.label }, c.cell(row))))))));
}

/** Links to the stretches before and after the one that is shown, of so many things; null when that is all. */
export function pager(label, all, first, size, to) {
  return all <= size && first === 0 ? null : h('nav', { class: 'pager', 'aria-label': label },
    first > 0 && link(to(Math.max(0, first - size)), 'Before'),
    h('span', {}, `${number(Math.min(all, first + 1))} to ${number(Math.min(all, first + size))} of ${number(all)}`),
    first + size < all && link(to(first + size), 'Next'));
}

/** Where a stretch begins that an address names; a whole number of stretches. */
export function firstOf(query, size) {
  return Math.max(0, Math.floor(Number(query.get('first') ?? 0) / size) * size || 0);
}

/** What to do where there is nothing yet. */
export function empty(title, ...rest) {
  return h('div', { class: 'empty' }, h('h2', {}, title), rest);
}

export function heading(text, ...rest) {
  return h('div', { class: 'heading' }, h('h1', { id: 'title', tabindex: '-1' }, text), h('div', { class: 'actions' }, rest));
}

/** A command with a button that copies it. */
export function command(text) {
  return h('div', { class: 'command' }, h('code', {}, text), copyButton('Copy', () => text));
}

export function copyButton(label, text) {
  const button = h('button', { type: 'button', class: 'small', click: async () => {
    let told = 'Copied';
    try {
      await copy(text());
    } catch (e) {
      told = 'Not allowed';
    }
    button.textContent = told;
    setTimeout(() => { button.textContent = label; }, 1500);
  } }, label);
  return button;
}

async function copy(text) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text);
  }
  // A page that came over plain HTTP from another machine has no clipboard.
  const area = h('textarea', { class: 'sr', 'aria-hidden': 'true' });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) {
    throw new Error('not allowed');
  }
}

/** As one word of a shell's command. */
export function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Partitions as 0–2, 5. */
export function runs(partitions) {
  const sorted = [...partitions].sort((a, b) => a - b);
  const text = [];
  for (let i = 0; i < sorted.length; i++) {
    const first = i;
    while (sorted[i + 1] === sorted[i] + 1) {
      i++;
    }
    text.push(first === i ? `${sorted[first]}` : `${sorted[first]}–${sorted[i]}`);
  }
  return text.join(', ');
}
