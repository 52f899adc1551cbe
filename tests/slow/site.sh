# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# The site and pages of graphs in a browser; their screenshots are in build/gcc-release/site.
need_test_tools chromium nodejs npm
docs
only=tests/pages prepare gcc-release gcc
mkdir -p "$at/site"
"$at/tests/pages" "$at/site"
npm install --silent --no-audit --no-fund --prefix "$at/site" axe-core@4 ||
    say "no axe-core: accessibility is not checked"
axe=$at/site/node_modules/axe-core/axe.min.js
[ -e "$axe" ] || axe=
step "the pages of build/site" try node tests/site/docs.mjs build/site "$at/site" ${axe:+"$axe"}
if [ -d build/site/live ] && only=tests/live-numbers prepare gcc-release gcc; then
    step "the pages in which the library runs" \
        try node tests/site/live.mjs build/site/live "$at/tests/live-numbers" ${axe:+"$axe"}
    mv build/site/live/*.png "$at/site"
fi
step "pages of graphs" try node tests/site/site.mjs "$at/site" ${axe:+"$axe"}
say "screenshots: $at/site"
