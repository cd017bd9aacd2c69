/* Whether a step is one that the kernels can run without leaving their memory. */
#ifndef HEADFIT_CHECK_H
#define HEADFIT_CHECK_H

#include "kernels.h"

int step_holds(const header *step, uint64_t left, const memory *m, const kernels *k);

#endif
