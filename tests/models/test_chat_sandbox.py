"""Chat templates come from strangers: they render as transformers renders them, or end at once."""

import sys

import pytest

from secondpass.errors import MissingExtraError
from secondpass.models.chat_sandbox import MOST_CHARACTERS, render

pytest.importorskip("jinja2", reason="needs the chat extra")

MESSAGES = [{"role": "query", "content": "Q"}, {"role": "document", "content": "D"}]
# Text of 2,048 characters by doubling, in a namespace `s`.
DOUBLED = (
    "{% set s = namespace(x='aa') %}{% for i in range(10) %}{% set s.x = s.x ~ s.x %}{% endfor %}"
)
LISTED = (
    "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}"
)
FIRST = "{{ messages | selectattr('role', 'eq', 'query') | map(attribute='content') | first }}"


def rendered(source, **values):
    return render(source, {"messages": MESSAGES, **values})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (FIRST, "Q"),
        (
            "{% for m in messages %}\n  {% if loop.last %}\n{{ m.content }}\n  {% endif %}\n"
            "{% endfor %}",
            "D\n",
        ),
        ("{%- set ns = namespace(a='') -%}{% set ns.a = ns.a + 'x' %}{{ ns.a ~ 1 }}", "x1"),
        ("{{ messages[0]['content'].strip().upper() }}{{ messages[::-1][0].role }}", "Qdocument"),
        ("{% for i in range(5) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "012"),
        (
            "{% for m in messages if m.role != 'query' %}{{ loop.index }}x{% endfor %}",
            "1x",
        ),
        ("{{ missing | default('there', true) }}{{ nothing }}", "there"),
        ("{% if messages[0].role in ['query', 'user'] %}yes{% endif %}", "yes"),
        ("{{ '<&>' | tojson }}{{ 7 % 4 }}", '"<&>"3'),
        ("{{ bos_token }}{{ messages | length }}", "<s>2"),
    ],
)
def test_what_templates_do_is_done(source, text):
    assert rendered(source, bos_token="<s>") == text


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(50000) %}{% for b in range(50000) %}{% endfor %}{% endfor %}",
        "{% for a in range(9) if range(49999) | list %}{% endfor %}" * 9,
        "{% for a in range(10 ** 9) %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ 9 ** 99999999 }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ ('ab' | list) | map('center', 1000000000) | list }}",
        "{% set f = 'a'.ljust %}{{ f(1000000000) }}",
        "{% set d = {'split': 'a'.center} %}{{ d.split(1000000000) }}",
        DOUBLED + "{% for i in range(99) %}{% set s.x = s.x + s.x %}{% endfor %}",
        DOUBLED + "{% for i in range(99) %}{% set s.x = s.x ~ s.x %}{% endfor %}",
        "{% for i in range(9999) %}" + "x" * 500 + "{% endfor %}",
        LISTED + "{{ n.x }}",
        LISTED + "{{ n.x == n.x }}",
        "{% set n = namespace(x=1) %}{% for i in range(99) %}"
        "{% set n.x = namespace(a=n.x, b=n.x) %}{% endfor %}{{ n.x }}",
        DOUBLED + "{{ range(40000) | join(s.x) }}",
        DOUBLED + "{% for i in range(40000) %}{% set s.y = s.x.upper().lower() %}{% endfor %}",
        DOUBLED + "{% for i in range(9999) %}"
        "{{ range(9999) | map('string') | select('in', s.x) | list | length }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ lipsum(n=100000) }}",
    ],
)
def test_work_and_text_are_bounded(source):
    with pytest.raises(ValueError, match=r"not allowed|more|undefined|unsafe|Recursion|filter"):
        rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0].__class__.__mro__ }}",
        "{{ ''.__class__.__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(role='x') }}",
        "{{ raise_exception.__globals__ }}{{ raise_exception.__globals__.sys }}",
        "{{ namespace.__init__.__globals__ }}{{ cycler.__init__ }}",
        "{{ self._TemplateReference__context }}{{ self }}",
        "{{ ''|attr('__class__') }}",
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% set ns = namespace(__class__=1) %}",
        "{{ _step(-99999) }}",
        "{{ strftime_now('%Y') }}",
        "{{ messages }}",
        "{{ raise_exception('roles must alternate') }}",
        "{{ 1 / 0 }}{{ 1 // 0 }}",
        "{% if %}",
        "{{ none.x.y }}",
        "{{ 'a' + 1 }}",
        "x" * (MOST_CHARACTERS + 1),
    ],
)
def test_what_is_not_a_text_s_business_is_refused(source):
    with pytest.raises(ValueError, match=r".{5}"):
        rendered(source)


def test_what_is_behind_a_value_is_nothing():
    assert rendered("{{ messages.__class__ }}{{ messages|map(attribute='__class__')|join }}") == ""


def test_a_template_needs_jinja2(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        rendered("x")
