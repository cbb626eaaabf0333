"""The grammar (Intuit docs: data queries). OR is read, as QuickBooks' parser does, and refused afterwards."""

GRAMMAR = r"""
start: "SELECT"i _columns "FROM"i NAME where? order? start_position? max_results?

_columns: count | columns
count: COUNT "(" STAR ")"
columns: _column ("," _column)*
_column: STAR | NAME

where: "WHERE"i _comparison (junction _comparison)*
junction: AND | OR
_comparison: compared | like | one_of
compared: NAME OPERATOR value
like: NAME "LIKE"i STRING
one_of: NAME "IN"i "(" value ("," value)* ")"
value: STRING | NUMBER | TRUE | FALSE

order: ORDERBY ordered ("," ordered)*
ordered: NAME (ASC | DESC)?
start_position: "STARTPOSITION"i NUMBER
max_results: "MAXRESULTS"i NUMBER

COUNT: "COUNT"i
STAR: "*"
AND: "AND"i
OR: "OR"i
TRUE: "TRUE"i
FALSE: "FALSE"i
ASC: "ASC"i
DESC: "DESC"i
ORDERBY.2: /order\s*by/i
OPERATOR: "<=" | ">=" | "=" | "<" | ">"
STRING: /'(?:[^'\\]|\\.)*'/s
NUMBER: /-?\d+(\.\d+)?/
NAME: /[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*/i

%import common.WS
%ignore WS
"""
