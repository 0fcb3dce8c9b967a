// Organisations: the registries and transplant centres that own applications.

import { h, name, replace } from './dom.js';
import { get, patch, post } from './api.js';
import { isAdmin } from './session.js';
import { icon } from './icons.js';
import { field, form, input } from './forms.js';
import { confirm, openDialog } from './dialogs.js';
import { toast } from './notices.js';
import { guarded, moreButton, searchBox, table } from './lists.js';

let countries = null;
try {
  countries = new Intl.DisplayNames(undefined, { type: 'region' });
} catch {
  /* The code alone is shown. */
}

const country = (code) => {
  try {
    return `${countries.of(code)} (${code})`;
  } catch {
    return code;
  }
};

export async function organisationsView(main, { signal }) {
  document.title = 'Organisations – Manage API Credentials';
  const list = table('Organisations', ['Name', 'Country', 'State', '']);
  const more = h('div', {});
  const problem = h('div', { role: 'alert' });
  let search = '';
  const query = (after) => new URLSearchParams({ ...(search && { search }), ...(after && { after }) });
  const load = async (after = null) => show(await get(`/organisations?${query(after)}`, { signal }), after === null);

  function show(page, fresh) {
    list.fill(page.items.map(cells), {
      fresh,
      empty: search ? 'No organisation has this in its name.' : 'No organisation yet.',
    });
    replace(
      more,
      moreButton(page.next, () => load(page.next)),
    );
  }

  function cells(one) {
    return [
      name(one.name),
      country(one.country_code),
      h(
        'span',
        { class: `badge ${one.enabled ? 'ok' : 'danger'}` },
        icon(one.enabled ? 'check' : 'stop'),
        one.enabled ? 'Enabled' : 'Disabled',
      ),
      isAdmin() &&
        h(
          'button',
          { type: 'button', class: 'button quiet', onclick: () => turn(one) },
          one.enabled ? 'Disable' : 'Enable',
          h('span', { class: 'unseen' }, ' ', name(one.name)),
        ),
    ];
  }

  async function turn(one) {
    const on = !one.enabled;
    const agreed = await confirm(
      on
        ? {
            title: 'Enable this organisation?',
            yes: 'Enable',
            body: h('p', {}, 'The applications of ', name(one.name), ' get tokens again, and its people can sign in.'),
          }
        : {
            title: 'Disable this organisation?',
            yes: 'Disable',
            danger: true,
            body: h(
              'p',
              {},
              'No application of ',
              name(one.name),
              ' gets a token any more, at once, and none of its people can sign in.',
            ),
          },
    );
    if (!agreed) return;
    await guarded(problem, async () => {
      await patch(`/organisations/${one.id}`, { enabled: on });
      toast(`${one.name} is ${on ? 'enabled' : 'disabled'}.`);
      await load();
    });
  }

  function add() {
    const label = field('Name', input({ maxlength: 120 }));
    const code = field('Country', input({ maxlength: 2, class: 'input short' }), {
      advice: 'Two letters (ISO 3166-1): NL, DE, US.',
    });
    const dialog = openDialog({
      title: 'New organisation',
      kind: 'small',
      body: form({
        fields: [label, code],
        submit: 'Create organisation',
        cancel: () => dialog.close(),
        send: async () => {
          const wanted = { name: label.control.value.trim(), country_code: code.control.value.trim().toUpperCase() };
          if (!wanted.name) label.fail('Write its name.');
          if (!/^[A-Z]{2}$/.test(wanted.country_code)) code.fail('Write two letters.');
          if (!wanted.name || !/^[A-Z]{2}$/.test(wanted.country_code)) return false;
          const made = await post('/organisations', wanted);
          dialog.close();
          toast(`${made.name} was created.`);
          await load();
          return true;
        },
      }),
    });
    label.control.focus();
  }

  await load();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h('h1', { tabindex: '-1' }, 'Organisations'),
      isAdmin() &&
        h('button', { type: 'button', class: 'button primary', onclick: add }, icon('plus'), 'New organisation'),
    ),
    searchBox('Search organisations by name', (text) => {
      search = text;
      return load();
    }),
    problem,
    list,
    more,
  );
}
