"""Templates of chats, as published models have them and as somebody writes them who means harm."""

import re
import subprocess
import sys
import time

import pytest
from transformers import PreTrainedTokenizerFast

from tests.trainables.data.test_opening import BOS_ONCE, TURNS, tokenizer
from trainables.assets.chat import template as chat_template
from trainables.assets.chat.template import TooCostly, Unwritable, written_chat

CHAT = [{"role": "user", "content": "Write text ."}]
# Shortened, in the ways of those of Llama 3, Qwen 2.5, SmolLM2 and Mistral.
PUBLISHED = {
    "llama": (
        "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
        "'<|turn|> ' + message['role'] + ' ' + message['content'] | trim + ' </s>' %}{% if "
        "loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
        "{{ '<|turn|> assistant ' }}"
    ),
    "llama-3.2": (
        "{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n"
        "        {%- set date_string = strftime_now('%Y') %}\n    {%- endif %}\n{%- endif %}\n"
        "{%- if messages[0]['role'] == 'system' %}{%- set messages = messages[1:] %}{%- endif %}\n"
        "{{- ' user ' + date_string + ' ' }}\n{%- for message in messages %}{{- message.content | trim }}"
        "{%- endfor %}"
    ),
    "qwen": (
        "{%- if tools %}\n    {{- tools | tojson }}\n{%- endif %}\n{%- set ns = namespace(last=none) %}\n"
        "{%- for message in messages %}\n    {%- set ns.last = message.role %}\n    {{- '<|im_start|> ' + "
        "message.role + '\\n' + message.content + ' <|im_end|>' + '\\n' }}\n{%- endfor %}\n"
        "{%- if add_generation_prompt %}\n    {{- '<|im_start|> assistant\\n' }}\n{%- endif %}\n"
    ),
    "smollm": TURNS,
    "bos once": BOS_ONCE,
    "mistral": (
        "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != "
        "(loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
        "{% generation %}{{ ' user ' + message['content'] }}{% endgeneration %}{% endfor %}"
    ),
    "tools": (
        "{% set ns = namespace(n=0, self=1) %}{% set d = dict(a='<é>', b=[1]) %}{% for m in messages %}"
        "{% if m.role == 'system' %}{% continue %}{% endif %}{% set ns.n = ns.n + 1 %}{% generation %}"
        "{% set x = 2 %}{{ m | tojson(indent=1) }}{% endgeneration %}{{ x is defined }}{{ ns.n }}"
        "{% break %}{% endfor %}{{ d | tojson }}{{ dict.fromkeys(['a'], 1) }}{{ tools }}{{ documents is none }}{{ eos_token }}"
    ),
}
HOSTILE = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "power": "{{ 99999999 ** 99999999 }}",
    "doubling": (
        "{% set text = namespace(all='aa') %}{% for a in range(40) %}"
        "{% set text.all = text.all + text.all %}{% endfor %}a"
    ),
    "padding": "{{ '%999999999999d' % 1 }}",
    "long": "{{ 'a' * 200000 }}",
    "many": "{% for a in range(9999) %}{{ messages[0].content * 9 }}{% endfor %}",
}


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("answer_follows", [False, True])
def test_a_chat_is_written_as_transformers_writes_it(name, answer_follows):
    hf: PreTrainedTokenizerFast = tokenizer(PUBLISHED[name], bos_token="<s>", eos_token="</s>")
    written = written_chat(
        hf.chat_template, CHAT, hf.special_tokens_map, answer_follows=answer_follows
    )
    assert "Write text ." in written
    assert written == hf.apply_chat_template(
        CHAT, tokenize=False, add_generation_prompt=answer_follows
    )


# In a small process: a child begins with the memory of the one that has started it.
WRITER = """
import resource, sys
from trainables.assets.chat.template import TooCostly, written_chat
try:
    written_chat(sys.stdin.read(), [{"role": "user", "content": "a b c"}], {}, answer_follows=False)
except TooCostly as error:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(used.ru_utime + used.ru_stime, used.ru_maxrss, error)
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_without_bounds_is_one_sentence_soon_and_in_little_memory(name):
    done = subprocess.run(
        [sys.executable, "-c", WRITER],
        input=HOSTILE[name],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, kib, sentence = done.stdout.strip().split(" ", 2)
    assert re.fullmatch(r"the chat template must .*, but takes .*model\.", sentence)
    assert len(sentence) < 300
    assert float(seconds) < 2
    assert int(kib) < 500 * 1024


@pytest.mark.parametrize(
    "template",
    ["{{ " + "(" * 5000, "{{ 'a'", "{{ raise_exception('a') }}", "{{ namespace(__class__=1) }}"],
)
def test_a_template_that_cannot_be_written_has_a_reason_of_one_line(template):
    with pytest.raises(Unwritable, match=r"^[^\n]+$"):
        written_chat(template, CHAT, {}, answer_follows=False)


def test_a_chat_is_written_once_a_process():
    chat = [{"role": "user", "content": "once"}]
    first = written_chat(TURNS, chat, {}, answer_follows=False)
    begin = time.perf_counter()
    assert written_chat(TURNS, chat, {}, answer_follows=False) == first
    assert time.perf_counter() - begin < 0.05


def test_a_process_that_does_not_end_is_given_up(monkeypatch):
    monkeypatch.setattr(chat_template, "TIMEOUT_S", 0.01)
    with pytest.raises(TooCostly, match=r"but takes more than 0\.01 s"):
        written_chat("never seen", CHAT, {}, answer_follows=False)
