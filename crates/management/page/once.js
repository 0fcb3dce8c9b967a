// A value shown once, such as a secret or a one-time link: leaving without it asks first.

import { h } from './dom.js';
import { openDialog } from './dialogs.js';
import { copy } from './notices.js';
import { t } from './texts.js';

/**
 * Protects a dialog until its value was copied. `text` is the value, `words` are the title and body of the question
 * and the label of the button that leaves. Returns the function to call once it was copied.
 */
export function keepUntilTaken(dialog, text, words) {
  let taken = false;
  const take = () => {
    taken = true;
  };
  dialog.protect(() => !taken, ask);
  return take;

  function ask() {
    const button = (label, kind, onclick) =>
      h('button', { type: 'button', class: `button ${kind}`, onclick }, h('span', { class: 'label' }, label));
    const leave = () => {
      take();
      question.close();
      dialog.close();
    };
    const copyIt = button(t.once.copyAndClose, 'primary', async () => {
      if (await copy(text, copyIt)) leave();
    });
    const question = openDialog({
      title: words.title,
      kind: 'small',
      body: [
        h('p', {}, words.body),
        h(
          'div',
          { class: 'actions' },
          copyIt,
          button(t.back, '', () => question.close()),
          button(words.leave, 'danger quiet', leave),
        ),
      ],
    });
    copyIt.focus();
  }
}
