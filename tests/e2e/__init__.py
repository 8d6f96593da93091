"""`make e2e`: both examples applied to a local AWS, lines written, what landed looked at, all destroyed again."""
