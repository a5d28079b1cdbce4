"""The language: expressions over named arrays with symbolic shapes, at any rank.

``array`` (expressions), ``operations`` (five facts each) and ``build`` (operators and shape checks) know each other;
they are imported here in the one order that works from every entrance.
"""

from derive.arrays import array as array
