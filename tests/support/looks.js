// What a look at a page depends on, and what axe has against it. `structure` names everything that a rule about the
// page's structure can see: two pages with one name are one page to axe. `colors` names, for each text, everything
// that its contrast is made of, and gives one element for each name that is new.
(() => {
  const FREE = new Set(['id', 'for', 'name', 'aria-label', 'aria-labelledby', 'aria-describedby', 'aria-controls',
    'aria-owns', 'headers', 'list', 'title', 'alt', 'href', 'src', 'action', 'placeholder', 'summary', 'label']);
  const LEFT_OUT = new Set(['class', 'style', 'value', 'd', 'points', 'x', 'y', 'x1', 'x2', 'y1', 'y2', 'cx', 'cy', 'r',
    'width', 'height', 'transform', 'fill', 'stroke', 'datetime', 'action', 'content', 'media', 'viewBox']);
  const hash = (text) => {
    let high = 0xdeadbeef, low = 0x41c6ce57;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      high = Math.imul(high ^ code, 2654435761);
      low = Math.imul(low ^ code, 1597334677);
    }
    return (high >>> 0).toString(36) + (low >>> 0).toString(36);
  };

  const structure = () => {
    const numbers = new Map(), parts = [];
    const number = (text) => text.split(/\s+/).map((word) => {
      if (!numbers.has(word)) numbers.set(word, numbers.size);
      return numbers.get(word);
    }).join();
    const add = (one, depth, isInHidden) => {
      // What stands on every page is looked at with the first page: the header, and the choice of the language.
      if (one.matches('.languages, .switch, body > header')) return;
      const named = [];
      for (const {name, value} of depth ? one.attributes : [])
        if (!LEFT_OUT.has(name)) named.push(name + '=' + (FREE.has(name) && value.trim() ? number(value) : value));
      let text = false;
      for (let node = one.firstChild; node && !text; node = node.nextSibling)
        text = node.nodeType === 3 && /\S/.test(node.data);
      // What is folded away is not laid out: to ask for its size makes the browser do that, once for each element.
      const shown = !isInHidden && one.checkVisibility({visibilityProperty: true});
      const scrolls = shown && (one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight);
      parts.push(depth, one.localName, named.sort().join(' '), text, shown,
        scrolls && /auto|scroll/.test(getComputedStyle(one).overflow));
      const isHidden = isInHidden || (!shown && !one.checkVisibility() && getComputedStyle(one).display !== 'contents');
      for (const child of one.children) add(child, depth + 1, isHidden);
    };
    add(document.documentElement, 0, false);
    return hash(parts.join('|'));
  };

  const colors = (known) => {
    const seen = new Set(known), grounds = new Map(), fresh = new Map();
    const ground = (one) => {
      if (!one) return '';
      if (grounds.has(one)) return grounds.get(one);
      const {backgroundColor: color, backgroundImage: image, opacity, position, filter} = getComputedStyle(one);
      const opaque = color.startsWith('rgb(') && image === 'none' && opacity === '1';
      const clear = color === 'rgba(0, 0, 0, 0)' && image === 'none';
      let name = (opaque ? '' : ground(one.parentElement)) + (clear ? '' : color + image.slice(0, 60));
      if (opacity !== '1' || filter !== 'none') name += opacity + filter;
      if (position === 'absolute' || position === 'fixed' || position === 'sticky') name += position + one.className;
      grounds.set(one, name);
      return name;
    };
    const look = (one) => {
      if (!one.checkVisibility({visibilityProperty: true, opacityProperty: true})) return;
      const {color, fontSize, fontWeight, textShadow, fill} = getComputedStyle(one);
      const svg = one.namespaceURI.endsWith('svg') ? fill : '';
      const name = hash([color, fontSize, fontWeight, textShadow, svg, one.matches(':disabled'), ground(one)].join('|'));
      if (seen.has(name)) return;
      if (!fresh.has(name)) fresh.set(name, []);
      // Of one that is covered by another axe says nothing: the next is asked as well.
      if (fresh.get(name).length < 3) fresh.get(name).push(one);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) if (texts.currentNode.data.trim()) look(texts.currentNode.parentElement);
    document.querySelectorAll('input, select, textarea').forEach(look);
    return fresh;
  };

  // How wide the page is, what reaches beyond it, and how large each thing is that is touched: a tick by its label.
  const box = (one) => one.getBoundingClientRect();
  const sizes = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility())
    .map((one) => [one.outerHTML.slice(0, 100), box(one).width, box(one).height]);
  const places = () => {
    const wide = document.documentElement.scrollWidth;
    return {
      wide,
      beyond: wide <= innerWidth ? [] : [...document.querySelectorAll('body *')]
        .filter((one) => box(one).right > innerWidth && !one.closest('.scroll, .wide-table, .bar nav'))
        .map((one) => one.outerHTML.slice(0, 120)),
      targets: sizes(`button, .btn, .button, summary, nav a, footer a, .scale label, .lines a, .numbers a, main h3 a,
        .audit-log a, main select, main input:not([type=hidden], [type=checkbox], [type=radio])`),
      eleven: sizes('.eleven label'),
    };
  };

  const shifted = () => new Promise((done) => {
    let far = 0;
    const add = (all) => { for (const one of all.getEntries()) if (!one.hadRecentInput) far += one.value; };
    new PerformanceObserver(add).observe({type: 'layout-shift', buffered: true});
    requestAnimationFrame(() => setTimeout(() => done(far), 0));
  });

  // What the page says, without what was kept in English and says so, or was written by someone.
  const said = async () => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), words = [];
    while (texts.nextNode()) {
      const {data, parentElement: one} = texts.currentNode;
      if (data.trim() && one.checkVisibility() && !one.closest('main [lang=en], .quote, .languages, script')) words.push(data.trim());
    }
    return {
      language: document.documentElement.lang,
      html: document.documentElement.outerHTML,
      words: words.join('\n'),
      scripts: [...document.querySelectorAll('script')].map((one) => one.getAttribute('src')),
      // Each once: what a busy browser asks its cache for a second time is no more to load.
      files: [...new Map(performance.getEntriesByType('resource')
        .filter((one) => ['link', 'script'].includes(one.initiatorType)).map((one) => [one.name, one.decodedBodySize]))],
      scheme: matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
      places: places(),
      shifted: await shifted(),
      helpInSight: [...document.querySelectorAll('aside.crisis :is(a[href^="tel:"], li > b)')]
        .some((one) => one.checkVisibility()),
    };
  };

  // What axe has against what is not known by its name yet.
  const heard = async (known) => {
    const all = {structures: [], colors: [], violations: []};
    const hear = async (what, options) => {
      // Not the styles: none of its rules that run by default reads them.
      const run = {preload: {assets: ['media']}, resultTypes: ['violations'], ...options};
      for (const {id, nodes} of (await axe.run(what, run)).violations)
        all.violations.push([id, nodes.map((node) => node.html.slice(0, 200))]);
    };
    const name = structure(), fresh = colors(known.colors);
    if (!known.structures.includes(name)) {
      await hear({exclude: [['.chart .hit']]}, {rules: {'color-contrast': {enabled: false}}});
      all.structures.push(name);
    }
    if (fresh.size) {
      await hear({include: [...fresh.values()].flat()}, {runOnly: ['color-contrast', 'link-in-text-block']});
      all.colors.push(...fresh.keys());
    }
    return all;
  };

  window.looks = {said, places, axe: heard};
})();
