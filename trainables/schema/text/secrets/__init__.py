"""Each way to find a secret, a file; trainables/schema/text/masking.py runs them over a text.

The passes of `masked`, in order; an earlier one leaves `***`, in which a later one finds nothing:
1. by_shape: private keys, from their first line to their last
2. in_variables: values of HF_TOKEN and the like in our environment, wherever they stand
3. by_shape: headers of requests, `Authorization: Token abc`
4. ../addresses.py: passwords, `http://me:abc@host`
5. by_command: behind a command, a word of a file, a user, `curl -u me:abc`
6. ../addresses.py: values of queries, `http://host/?t=abc`
7. assigned: `password=abc`, `'api_key': 'abc'`, `--token abc`
8. in_prose: `the password is hunter2abc`
9. by_shape: keys as services give them out, `hf_…`
Before these, `masked_settings` runs headers, then
- by_line: shells and files of settings without a sign, `ENV DB_PASSWORD abc`
- behind_names: what is assigned, compared or passed, over several lines, `token = get() or "abc"`
and `masked_source` hides, after all, words that look random.

names.py has the words of secrets that the others look for, and `is_secret` for a variable or a key.
"""
