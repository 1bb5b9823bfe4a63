/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How well predictions fit what came to pass. As scikit-learn defines them; classes of numbers are positive above one half. */
#ifndef DATA_SCORE_H
#define DATA_SCORE_H

#include "util/base.h"

enum score_metric { SCORE_ACCURACY, SCORE_AUC, SCORE_LOGLOSS, SCORE_RMSE, SCORE_MAE, SCORE_F1, SCORE_METRICS };
bool score_parse(const char *s, enum score_metric *m);

struct scored {
	double predicted, actual;
	bool same; /* equal as texts or as numbers; of classes that are no numbers this is all there is */
};

/* Of n > 0 pairs, which are put into another order. NAN: it is not defined, as auc with one class alone is. */
double score(enum score_metric m, struct scored *v, size_t n);

#endif
