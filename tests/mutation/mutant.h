/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Included before everything else of a mutated tree (tests/mutation/mutate): all mutants are in
 * one build, and the environment chooses which one lives.
 */
#ifndef SVIO_MUTANT_H
#define SVIO_MUTANT_H

extern unsigned svio_mutant;             /* SVIO_MUTANT; 0: none */
extern unsigned char *svio_mutant_place; /* a byte a mutant: this place was reached */

static inline int svio_mutated(unsigned number)
{
	svio_mutant_place[number] = 1;
	return svio_mutant == number;
}

#endif /* SVIO_MUTANT_H */
