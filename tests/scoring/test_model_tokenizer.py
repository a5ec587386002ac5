"""A tokenizer beside its settings: the ids and types of transformers 5, or a refusal by key."""

import json
import shutil

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_bi_encoder_spec, read_cross_encoder_spec
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.model_tokenizer import model_tokenizer, pair_layout

PAIRS = [
    ("How do I read a CSV file?", "csv.reader returns an object, one by one."),
    ("naïve  CAFÉ", "Ünïcode 读取文件 tabs\tand two  blanks\nline"),
    ("csv", ""),
    ("Wait", " threads"),
]
PIECES = ["▁", "▁a", "▁the", "▁re", "ad", "▁csv", *"abcestroinludfCSV,.-?<>/[]ABW"]


def set_files(folder, *, config=None, absent=False, **settings):
    """Write tokenizer_config.json, and keys into config.json."""
    file = folder / "tokenizer_config.json"
    if absent:
        file.unlink()
    elif settings:
        file.write_text(json.dumps(settings))
    if config:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return folder


def pieces(folder, *, special, model_type):
    """Put a Unigram tokenizer.json whose stages are not those of its class into a folder."""
    vocabulary = [(token, 0.0) for token in special]
    vocabulary += [(piece, -2.0 - at / 7) for at, piece in enumerate(PIECES)]
    unknown = next(at for at, token in enumerate(special) if "unk" in token.lower())
    made = Tokenizer(models.Unigram(vocabulary, unknown))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    made.add_special_tokens(list(special))
    made.post_processor = processors.TemplateProcessing(
        single=f"{special[0]} $A",
        pair=f"{special[0]} $A {special[2]} $B",
        special_tokens=[(special[0], 0), (special[2], 2)],
    )
    made.save(str(folder / "tokenizer.json"))
    set_files(folder, config={"model_type": model_type, "vocab_size": len(vocabulary)})
    return folder


@pytest.fixture
def copy_of(parity, tmp_path):
    def copy(name):
        return shutil.copytree(parity / name, tmp_path / name)

    return copy


def ours(folder):
    spec = read_cross_encoder_spec(find_folder(folder))
    tokenizer = model_tokenizer(spec)
    layout = pair_layout(tokenizer, spec)
    encoder = TextEncoder(tokenizer, threads=1)
    pairs = []
    for query, text in PAIRS:
        query_ids, text_ids = encoder.encode([query, text])
        pair = layout.join(query_ids, text_ids)
        pairs.append((pair.ids.tolist(), pair.types.tolist()))
    return pairs


def theirs(folder):
    transformers = pytest.importorskip("transformers", reason="needs the torch extra")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    made = tokenizer([list(pair) for pair in PAIRS])
    # What is not fed is 0 to the model.
    untyped = [[0] * len(ids) for ids in made["input_ids"]]
    return list(zip(made["input_ids"], made.get("token_type_ids", untyped), strict=True))


BERT = {"tokenizer_class": "BertTokenizer"}
FOLLOWED = {
    "no file, class of the architecture": ("bert", {"absent": True}),
    "bert": ("bert", BERT),
    "bert, the older name": ("bert", {"tokenizer_class": "BertTokenizerFast"}),
    "cased": ("bert", {**BERT, "do_lower_case": False}),
    "accents kept": ("bert", {**BERT, "strip_accents": False}),
    "accents off, cased": ("bert", {**BERT, "do_lower_case": False, "strip_accents": True}),
    "chinese characters together": ("bert", {**BERT, "tokenize_chinese_chars": False}),
    "no token types": ("bert", {**BERT, "model_input_names": ["input_ids", "attention_mask"]}),
    "plain class": ("bert", {"tokenizer_class": "PreTrainedTokenizerFast"}),
    "plain class, cased is not its own": (
        "bert",
        {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": False},
    ),
    "plain class with types": (
        "bert",
        {
            "tokenizer_class": "TokenizersBackend",
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        },
    ),
    "another end": ("bert", {**BERT, "sep_token": "[MASK]"}),
    "special tokens as objects": (
        "bert",
        {**BERT, "cls_token": {"__type": "AddedToken", "content": "[MASK]", "special": True}},
    ),
    "a class that shares BERT's": ("bert", {"tokenizer_class": "ElectraTokenizer"}),
    "distilbert": ("distilbert", {"tokenizer_class": "DistilBertTokenizer"}),
    "distilbert by its architecture": ("distilbert", {"absent": True}),
    "electra by its architecture": ("electra", {"absent": True, "do_lower_case": True}),
    "roberta": ("roberta", {"tokenizer_class": "RobertaTokenizer"}),
    "roberta, blank before": (
        "roberta",
        {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True},
    ),
    "roberta by its architecture": ("roberta", {"absent": True}),
    "roberta, another beginning": (
        "roberta",
        {"tokenizer_class": "RobertaTokenizerFast", "cls_token": "<mask>"},
    ),
    "modernbert whatever it says": ("modernbert", {"tokenizer_class": "BertTokenizer"}),
    "its one file named": ("bert", {**BERT, "fast_tokenizer_files": ["tokenizer.json"]}),
    "no limit": ("bert", {**BERT, "model_max_length": 10**30}),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_ids_and_types_are_those_of_transformers(copy_of, case):
    family, settings = FOLLOWED[case]
    folder = set_files(copy_of(family), **settings)
    assert ours(folder) == theirs(folder)


XLMR = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
DEBERTA = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
SENTENCE_PIECES = {
    "xlm-roberta": (XLMR, {"tokenizer_class": "XLMRobertaTokenizer"}),
    "no blank before": (
        XLMR,
        {"tokenizer_class": "XLMRobertaTokenizerFast", "add_prefix_space": False},
    ),
    "another end": (XLMR, {"tokenizer_class": "XLMRobertaTokenizer", "eos_token": "<mask>"}),
    "plain class": (XLMR, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    "deberta-v2": (DEBERTA, {"tokenizer_class": "DebertaV2Tokenizer"}),
    "deberta-v2, lowered": (
        DEBERTA,
        {"tokenizer_class": "DebertaV2Tokenizer", "do_lower_case": True},
    ),
    "deberta-v2, punctuation apart": (
        DEBERTA,
        {"tokenizer_class": "DebertaV2TokenizerFast", "split_by_punct": True},
    ),
    "camembert": (XLMR, {"tokenizer_class": "CamembertTokenizer"}),
}


@pytest.mark.parametrize("case", SENTENCE_PIECES)
@pytest.mark.parametrize("model_type", ["xlm-roberta", "bert"])
def test_sentence_pieces_are_made_by_the_class_and_not_by_tokenizer_json(copy_of, case, model_type):
    special, settings = SENTENCE_PIECES[case]
    folder = pieces(copy_of("xlm-roberta"), special=special, model_type=model_type)
    set_files(folder, **settings)
    assert ours(folder) == theirs(folder)


def test_special_tokens_map_counts_where_the_config_lists_no_added_tokens(copy_of):
    folder = set_files(copy_of("bert"), **BERT)
    (folder / "special_tokens_map.json").write_text(json.dumps({"sep_token": "[MASK]"}))
    assert ours(folder) == theirs(folder)
    assert ours(folder)[0][0][-1] == 4


REFUSED = {
    "padding_side": {**BERT, "padding_side": "left"},
    "truncation_side": {**BERT, "truncation_side": "left"},
    "tokenizer_class": {"tokenizer_class": "BertJapaneseTokenizer"},
    "model_input_names": {**BERT, "model_input_names": ["input_ids"]},
    "fast_tokenizer_files": {
        **BERT,
        "fast_tokenizer_files": ["tokenizer.json", "tokenizer.4.0.json"],
    },
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_is_not_followed_is_refused_by_file_key_and_value(copy_of, key):
    folder = set_files(copy_of("bert"), **REFUSED[key])
    with pytest.raises(
        UnsupportedModelError, match=rf"tokenizer_config\.json has {key} "
    ) as raised:
        ours(folder)
    value = REFUSED[key][key]
    assert str(value[0] if isinstance(value, list) else value) in str(raised.value)


def set_tokenizer(folder, **parts):
    """Write keys into tokenizer.json."""
    file = folder / "tokenizer.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **parts}))
    return folder


def padding(direction):
    return {
        "padding": {
            "strategy": "BatchLongest",
            "direction": direction,
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        }
    }


def truncation(direction):
    return {
        "truncation": {
            "direction": direction,
            "max_length": 30,
            "strategy": "LongestFirst",
            "stride": 0,
        }
    }


@pytest.mark.parametrize("family", ["bert", "modernbert", "bert-embedder"])
@pytest.mark.parametrize("parts", [padding("Left"), truncation("Left")])
def test_a_left_side_of_tokenizer_json_is_refused(copy_of, family, parts):
    folder = set_tokenizer(copy_of(family), **parts)
    read = read_bi_encoder_spec if family == "bert-embedder" else read_cross_encoder_spec
    key = rf"tokenizer\.json has {next(iter(parts))}\.direction '[Ll]eft'"
    with pytest.raises(UnsupportedModelError, match=key):
        model_tokenizer(read(find_folder(folder)))


@pytest.mark.parametrize("key", ["padding_side", "truncation_side"])
def test_a_left_side_of_special_tokens_map_is_refused(copy_of, key):
    folder = set_files(copy_of("bert"), **BERT)
    (folder / "special_tokens_map.json").write_text(json.dumps({key: "left"}))
    with pytest.raises(UnsupportedModelError, match=rf"special_tokens_map\.json has {key} 'left'"):
        ours(folder)


def test_sides_that_are_right_are_scored(copy_of):
    folder = set_tokenizer(copy_of("bert"), **padding("Right"), **truncation("Right"))
    set_files(folder, **BERT)
    assert ours(folder) == theirs(folder)


def test_a_side_of_the_config_is_believed_before_tokenizer_jsons(copy_of):
    folder = set_tokenizer(copy_of("bert"), **padding("Left"), **truncation("Left"))
    set_files(folder, **BERT, padding_side="right", truncation_side="right")
    assert ours(folder) == theirs(folder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**BERT, "model_max_length": "512"}, "model_max_length '512'"),
        ({**BERT, "model_max_length": 0}, "model_max_length 0"),
        ({**BERT, "sep_token": "[NONE]"}, r"sep_token '\[NONE\]'"),
        ({**BERT, "fast_tokenizer_files": "tokenizer.4.0.json"}, "fast_tokenizer_files '"),
        ({**BERT, "do_lower_case": "yes"}, "do_lower_case 'yes'"),
        (
            {**BERT, "added_tokens_decoder": {"7": {"content": "[MASK]"}}},
            r"'\[MASK\]' the id 7, tokenizer.json 4",
        ),
    ],
)
def test_values_that_cannot_be_meant_are_errors_of_the_file(copy_of, settings, message):
    folder = set_files(copy_of("bert"), **settings)
    with pytest.raises(ModelFileError, match=message):
        ours(folder)


def test_a_vocabulary_of_another_kind_than_the_class_is_refused(copy_of):
    folder = set_files(copy_of("bert"), tokenizer_class="RobertaTokenizer")
    with pytest.raises(UnsupportedModelError, match=r"WordPiece vocabulary.* needs BPE"):
        ours(folder)


def test_ids_that_are_drawn_at_random_are_refused(copy_of):
    folder = copy_of("roberta")
    file = folder / "tokenizer.json"
    value = json.loads(file.read_text())
    value["model"]["dropout"] = 0.1
    file.write_text(json.dumps(value))
    with pytest.raises(UnsupportedModelError, match="dropout"):
        ours(folder)


SPELLED = ["[SEP] [CLS] [PAD] [MASK] a", "a</s>b<s> <pad><mask>", "csv [SEP][SEP] read", "<s>"]


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "modernbert", "deberta"])
@pytest.mark.parametrize("text", SPELLED)
def test_a_special_token_within_a_text_is_text(parity, family, text):
    spec = read_cross_encoder_spec(find_folder(parity / family))
    tokenizer = model_tokenizer(spec)
    unknown = {"[UNK]", "<unk>"}
    special = {
        number
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.special and token.content not in unknown
    }
    ids = set(tokenizer.encode(text, add_special_tokens=False).ids)
    assert ids
    assert not ids & special


def test_text_without_special_tokens_has_the_ids_it_had(parity):
    for family in ("bert", "roberta", "xlm-roberta", "modernbert", "deberta"):
        folder = parity / family
        plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
        made = model_tokenizer(read_cross_encoder_spec(find_folder(folder)))
        for query, text in PAIRS:
            assert made.encode(query, text).ids == plain.encode(query, text).ids


def test_words_split_at_blanks_do_not_bring_a_special_token_back(copy_of):
    folder = copy_of("bert")
    made = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s+"), "removed")
    made.add_special_tokens(["[CLS]", "[SEP]", "[UNK]"])
    made.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    made.save(str(folder / "tokenizer.json"))
    tokenizer = model_tokenizer(read_cross_encoder_spec(find_folder(folder)))
    assert tokenizer.encode("a [SEP] a", "a").ids == [1, 3, 0, 3, 2, 3, 2]


def test_token_types_that_are_not_fed_are_zero(copy_of):
    folder = set_files(copy_of("bert"), tokenizer_class="PreTrainedTokenizerFast")
    assert not np.any([types for _, types in ours(folder) for types in types])


@pytest.mark.parametrize(
    ("ids", "types", "message"),
    [
        (4_000_000_000, 0, "token id 4000000000 .* 600 rows"),
        (2**31, 0, "token id 2147483648 .* 600 rows"),
        (1, 2**32 - 1, "token type 4294967295 .* 2 rows"),
    ],
)
def test_an_id_of_the_template_beyond_32_bits_is_named_with_the_rows(copy_of, ids, types, message):
    folder = copy_of("bert")
    value = json.loads((folder / "tokenizer.json").read_text())
    value["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [ids]
    value["post_processor"]["pair"][0]["SpecialToken"]["type_id"] = types
    set_tokenizer(folder, post_processor=value["post_processor"])
    set_files(folder, tokenizer_class="PreTrainedTokenizerFast")
    with pytest.raises(ModelFileError, match=rf"tokenizer\.json: the {message}"):
        ours(folder)


def added(*keys, content="[MASK]"):
    return {**BERT, "added_tokens_decoder": {key: {"content": content} for key in keys}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (added("²"), "key '²' in added_tokens_decoder"),
        (added("9" * 5000), "key '9{70,}.* in added_tokens_decoder"),
        (added("-1"), "key '-1' in"),
        (added("four"), "key 'four' in"),
        (added("\u0664"), "key '\u0664' in"),
        (added("4", content="\ud800"), r"added_tokens_decoder\.4 .*\\ud800"),
        (added("4", content=None), r"added_tokens_decoder\.4 .*None"),
        ({**BERT, "cls_token": "\ud800"}, r"cls_token '\\ud800'"),
        ({**BERT, "sep_token": {"content": "a\udfff"}}, r"sep_token .*\\udfff"),
        ({**BERT, "unk_token": {"special": True}}, "unk_token .*special"),
    ],
)
def test_keys_and_texts_of_tokens_that_are_none_are_named(copy_of, settings, message):
    folder = set_files(copy_of("bert"), **settings)
    with pytest.raises(ModelFileError, match=rf"tokenizer_config\.json has .*{message}"):
        ours(folder)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("special_tokens_map.json", {"cls_token": "\ud800"}, r"cls_token '\\ud800'"),
        ("added_tokens.json", {"\ud800": 4}, r"an added token '\\ud800'"),
    ],
)
def test_a_token_of_another_file_that_is_no_text_names_that_file(copy_of, name, value, message):
    folder = set_files(copy_of("bert"), **BERT)
    (folder / name).write_text(json.dumps(value))
    with pytest.raises(ModelFileError, match=rf"{name} has {message}"):
        ours(folder)


@pytest.mark.parametrize("pair", ["$B $A", "[CLS] $B [SEP] $A [SEP]", "$B:1 [SEP] $A:0"])
def test_a_text_laid_out_before_its_query_names_the_file(copy_of, pair):
    folder = set_files(copy_of("bert"), tokenizer_class="PreTrainedTokenizerFast")
    file = folder / "tokenizer.json"
    made = Tokenizer.from_file(str(file))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A", pair=pair, special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    made.save(str(file))
    with pytest.raises(ModelFileError, match=r"tokenizer\.json does not put a query before"):
        ours(folder)
