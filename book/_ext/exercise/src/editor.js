// The editor: CodeMirror with Python, loaded when a reader comes near an exercise.
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

// Puts an editor into `parent`. `on` has `change(code)`, `run()` and `check()`.
// Tab indents; Escape, then Tab, leaves (CodeMirror's own way out).
window.unrolledEditor = (parent, code, label, describedBy, on) => {
  const run = () => (on.run(), true);
  const check = () => (on.check(), true);
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: code,
      extensions: [
        keymap.of([
          { key: "Ctrl-Shift-Enter", mac: "Cmd-Shift-Enter", run: check, preventDefault: true },
          { key: "Ctrl-Enter", mac: "Cmd-Enter", run, preventDefault: true },
          { key: "Shift-Enter", run, preventDefault: true },
        ]),
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        python(),
        indentUnit.of("    "),
        syntaxHighlighting(classHighlighter),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
        EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": describedBy }),
        EditorView.updateListener.of((update) => update.docChanged && on.change(update.state.doc.toString())),
      ],
    }),
  });
  return {
    read: () => view.state.doc.toString(),
    write: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
  };
};
