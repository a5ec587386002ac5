"""The options that say what the columns of a table are."""

from __future__ import annotations

import click

text_column_option = click.option(
    "--text-column", metavar="NAME", help="The column of the text.  [default: text, else content]"
)
title_column_option = click.option(
    "--title-column",
    metavar="NAME",
    help="A column that is read before the text.  [default: title, if there is one; '' for none]",
)
id_column_option = click.option(
    "--id-column", metavar="NAME", help="The column of the id.  [default: id and _id]"
)
optional_id_column_option = click.option(
    "--id-column",
    metavar="NAME",
    help="The column of the id.  [default: id and _id; '' for a row's place]",
)
delimiter_option = click.option(
    "--delimiter",
    metavar="CHAR",
    help="What parts the cells of CSV.  [default: a comma; a tab in .tsv]",
)
