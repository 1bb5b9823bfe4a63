# SPDX-License-Identifier: GPL-3.0-or-later
# All models' metrics (as evaluate.awk writes them, one number a line) -> a table, and the best one's metrics as JSON.
# -v best= (file to write). Best: the lowest valid_log_loss as printed; of equals, the first.

FNR == 1 { models++ }

/"[a-z0-9_]+": / {
	split($0, part, "\"")
	key = part[2]
	value = part[3]
	gsub(/[^0-9.e+-]/, "", value)
	of[models, key] = value
	text[models] = text[models] (text[models] ? ",\n" : "") "  \"" key "\": " value
}

# order[]: the models by rising l2.
function sort(   i, j) {
	for (i = 1; i <= models; i++) {
		for (j = i; j > 1 && of[order[j - 1], "l2"] + 0 > of[i, "l2"] + 0; j--)
			order[j] = order[j - 1]
		order[j] = i
	}
}

END {
	if (!models) {
		print "no metrics to choose from" | "cat >&2"
		exit 1
	}
	sort()
	for (i = 1; i <= models; i++)
		if (!chosen || of[order[i], "valid_log_loss"] + 0 < of[order[chosen], "valid_log_loss"] + 0)
			chosen = i
	print "Breast cancer: is the tumour malignant?"
	print ""
	printf "  %-8s %14s %9s %9s %9s %9s\n", "l2", "valid log loss", "auc", "accuracy", "recall", "log loss"
	for (i = 1; i <= models; i++)
		printf "%s %-8s %14s %9s %9s %9s %9s\n", (i == chosen ? "*" : " "), of[order[i], "l2"],
			of[order[i], "valid_log_loss"], of[order[i], "auc"], of[order[i], "accuracy"], of[order[i], "recall"], of[order[i], "log_loss"]
	print ""
	printf "* chosen: l2 = %s, by the log loss on the valid rows; all other columns are on the test rows.\n",
		of[order[chosen], "l2"]
	printf "{\n%s\n}\n", text[order[chosen]] > best
}
