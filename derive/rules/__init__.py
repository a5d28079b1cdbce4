"""The book of rules: pullbacks and identities, each proved before it is used; and the mutants that must not be."""
