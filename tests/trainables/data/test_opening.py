"""What stands before a text, for tokenizers with and without BOS and a chat template."""

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

from trainables.data.opening import Opening

TURNS = (
    "{% for turn in messages %}{{ '<|im_start|> ' + turn['role'] + ' ' + turn['content'] "
    "+ ' <|im_end|> ' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|> assistant ' }}"
    "{% endif %}"
)
# As that of Llama 3: BOS begins the chat, other marks begin the turns.
BOS_ONCE = "{{ bos_token + ' ' }}" + TURNS.replace("<|im_start|>", "<|turn|>")
WORDS = (
    "<|im_start|> <|im_end|> <|endoftext|> <s> </s> <|turn|> user assistant a Write text .".split()
)
IDS = {word: number for number, word in enumerate(WORDS)}


def tokenizer(template=None, **special):
    inner = Tokenizer(WordLevel(IDS, unk_token="a"))
    inner.pre_tokenizer = WhitespaceSplit()
    hf = PreTrainedTokenizerFast(tokenizer_object=inner, **special)
    hf.chat_template = template
    return hf


def words(opening, hf):
    return [WORDS[number] for number in opening.ids(hf)]


@pytest.mark.parametrize(
    ("template", "special", "start"),
    [
        (None, {"bos_token": "<s>", "eos_token": "</s>"}, "<s>"),  # Llama 2
        (None, {"eos_token": "</s>"}, "</s>"),  # no BOS
        (None, {"eos_token": "<|endoftext|>"}, "<|endoftext|>"),  # Qwen, the base model
        (TURNS, {"eos_token": "<|im_end|>"}, "<|endoftext|>"),  # Qwen, tuned
        (
            TURNS,
            {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"},
            "<|endoftext|>",
        ),  # SmolLM2
        (BOS_ONCE, {"bos_token": "<s>", "eos_token": "</s>"}, "<s>"),  # Llama 3, tuned
    ],
)
def test_auto_takes_bos_or_what_stands_in_for_it_and_never_a_mark_of_the_chat_template(
    template, special, start
):
    assert words(Opening(), tokenizer(template, **special)) == [start]


def test_auto_is_nothing_where_no_token_can_stand_before_a_text():
    inner = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    assert Opening().ids(PreTrainedTokenizerFast(tokenizer_object=inner)) == ()


def test_a_start_that_is_given_is_taken():
    hf = tokenizer(TURNS, bos_token="<|im_start|>", eos_token="<|im_end|>")
    assert words(Opening("bos"), hf) == ["<|im_start|>"], "even a mark"
    assert words(Opening("eos"), hf) == ["<|im_end|>"]
    assert words(Opening("</s>"), hf) == ["</s>"]
    assert words(Opening("none"), hf) == []


def test_a_chat_begins_with_the_prompt_and_the_beginning_of_its_answer():
    hf = tokenizer(TURNS, bos_token="<|im_start|>", eos_token="<|im_end|>")
    assert words(Opening(format="chat", prompt="Write text ."), hf) == [
        *("<|im_start|>", "user", "Write", "text", ".", "<|im_end|>"),
        *("<|im_start|>", "assistant"),
    ]


@pytest.mark.parametrize(
    ("opening", "sentence"),
    [
        (Opening("bos"), "model.start must be auto, none, or a token that the tokenizer has"),
        (Opening("<x>"), "(of special ones eos_token </s>), but got '<x>'."),
        (Opening(format="chat"), "model.format must be plain where the tokenizer has no chat"),
    ],
)
def test_what_a_tokenizer_lacks_is_one_sentence(opening, sentence):
    with pytest.raises(ValueError, match="must be") as caught:
        opening.ids(tokenizer(eos_token="</s>"))
    assert sentence in str(caught.value)


# Each with what the sentence says of it.
UNWRITABLE = [
    ("{{ raise_exception('needs a system turn') }}", "'chat': needs a system turn."),
    ("{% for turn in messages %}{{ turn", "'chat': unexpected end of template"),
    ("{{ messages[0]['content'] + 1 }}", "'chat': can only concatenate str"),
    ("{{ messages[0]['content'] | nosuchfilter }}", "'chat': No filter named 'nosuchfilter'."),
    ("{{ 1 // 0 }}", "'chat': integer"),
    ("{{ raise_exception('') }}", "'chat': TemplateError."),
    ("{% if false %}a{% endif %}", "'chat': it writes nothing."),
    ("{{ '  ' }}", "'chat': it writes nothing."),
]


@pytest.mark.parametrize(("template", "reason"), UNWRITABLE)
def test_a_chat_whose_template_cannot_write_the_prompt_is_one_sentence(template, reason):
    with pytest.raises(ValueError, match=r"^model\.format must be .*model\.start") as caught:
        Opening(format="chat").ids(tokenizer(template, bos_token="<s>"))
    sentence = str(caught.value)
    assert reason in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(("template", "_"), UNWRITABLE)
def test_a_template_that_cannot_be_written_marks_nothing_for_plain_texts(template, _):
    hf = tokenizer(template, bos_token="<|im_start|>", eos_token="</s>")
    assert words(Opening(), hf) == ["<|im_start|>"]
    assert words(Opening("eos"), hf) == ["</s>"]


def test_a_template_of_one_token_marks_nothing():
    assert words(Opening(), tokenizer("{{ '<s>' }}", bos_token="<s>")) == ["<s>"]


def test_the_reason_of_a_template_is_one_line():
    template = "{{ raise_exception('a system turn,\\nand then a user turn') }}"
    with pytest.raises(ValueError, match=r"'chat': a system turn\.$"):
        Opening(format="chat").ids(tokenizer(template))


def test_a_template_without_end_before_an_answer_is_a_fault_of_the_model():
    loops = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    hf = tokenizer(f"a{{% if add_generation_prompt %}}{loops}{{% endif %}}", bos_token="<s>")
    assert words(Opening(), hf) == ["<s>"]
    with pytest.raises(ValueError, match=r"^model\.path: the chat template must write"):
        Opening(format="chat").ids(hf)
