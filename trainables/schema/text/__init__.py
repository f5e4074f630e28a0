"""Text that came from elsewhere, as it may be shown and kept: no secrets, visible, short, escaped.

Which function is right:
- `printable` (printable.py) for what is printed: it masks, escapes control characters and shortens.
- `as_value`, `as_word` (shown.py) for a value, or a name, within a sentence of ours: they mask, too.
- `in_markdown`, `in_code`, `csv_cell` (escaping.py) for files that a program renders.
- `masked` (masking.py) for sentences, reasons of errors and addresses that are kept as they are.
- `masked_settings` (masking_source.py) for text that is YAML or code: what follows the name of a
  secret is one there, also without digits: `password: swordfish`.
- `masked_source` (masking_source.py) for code that leaves this machine, as a patch: it hides words that
  look random, too, and so digests. It hides more than `masked_settings`, and that more than `masked`.
- `changes_of_lines` (hidden_lines.py) for the lines in which there is a secret.

What stands in addresses is in addresses.py; each other way to find a secret is a file of secrets/.
"""
