#!/bin/sh
# data.sh FOLDER: the cohort of Debian's r-cran-survival (Allen et al. 2018, "Nonalcoholic fatty
# liver disease incidence and impact on metabolic burden and death") as three files of CSV
set -eu
mkdir -p "$1"
cd "$1"
if [ ! -e events.csv ]; then
    Rscript --vanilla - <<'R'
library(survival)
write.csv(nafld1, "people.csv", row.names = FALSE)
write.csv(nafld2, "measurements.csv", row.names = FALSE)
write.csv(nafld3, "events.new", row.names = FALSE)
file.rename("events.new", "events.csv")
R
fi
