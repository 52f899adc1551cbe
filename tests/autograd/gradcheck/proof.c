/* proof [SEEDS [FIRST]]: runs the checker's proof at so many seeds, and prints the tables of
 * docs/gradcheck.md. The exit status is 0 if every broken rule is found at every seed, with the
 * right words at the right place; no right function is called wrong at any seed; and 95 % of the
 * runs of right ones are PASS or KINK. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"
#include "proof_peers.h"

enum { VERDICTS = CT_GRADCHECK_INCONCLUSIVE + 1, SHOWN = 3, PEER_SEEDS = 10 };

typedef struct count {
    const char *kind;
    int cases, clean;             /* clean: the report was right at every seed */
    long runs, by[VERDICTS], bad; /* bad: broken ones whose report was wrong */
    int peers[PEERS];             /* cases of which a peer is right at every seed it was tried at */
} count;

typedef struct table {
    count kinds[64];
    int count;
    uint64_t first, seeds;
} table;

static count *kind_of(table *t, const char *kind)
{
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->kinds[i].kind, kind) == 0)
            return &t->kinds[i];
    t->kinds[t->count] = (count){ .kind = kind };
    return &t->kinds[t->count++];
}

/* -- Runs */
static void ask_peers(const table *t, const proof_case *p, bool broken, count *c)
{
    for (int which = 0; which < PEERS; which++) {
        bool right = true;
        for (uint64_t i = 0; i < t->seeds && i < PEER_SEEDS && right; i++) {
            ct_context *cx = ct_context_new(NULL);
            bool large = p->quick && which != PEER_TORCH_FAST;
            right = cx && !large && proof_peer(cx, p, t->first + i, (peer)which) != broken;
            ct_context_free(cx);
        }
        c->peers[which] += right;
    }
}

static void run_case(table *t, const proof_case *p, bool broken)
{
    count *c = kind_of(t, p->kind);
    long by[VERDICTS] = { 0 }, bad = 0;
    c->cases++;
    for (uint64_t i = 0; i < t->seeds; i++) {
        ct_context *cx = ct_context_new(NULL);
        ct_gradcheck_report report;
        const char *why = "the verdict";
        ct_verdict verdict = proof_check(cx, p, t->first + i, &report);
        bool right = broken ? proof_is_right(p, &report, &why)
                            : verdict != CT_GRADCHECK_FAIL && verdict != CT_GRADCHECK_INVALID;
        by[verdict]++;
        if (!right && bad++ < SHOWN)
            printf("%s, %s, seed %llu: %s is wrong: %s\n", p->kind, p->name,
                   (unsigned long long)(t->first + i), why, ct_gradcheck_text(cx, &report));
        ct_context_free(cx);
    }
    if (bad || (!broken && by[CT_GRADCHECK_INCONCLUSIVE]))
        printf("%-12s %-34s pass %ld kink %ld inconclusive %ld fail %ld invalid %ld; wrong %ld\n",
               p->kind, p->name, by[CT_GRADCHECK_PASS], by[CT_GRADCHECK_KINK],
               by[CT_GRADCHECK_INCONCLUSIVE], by[CT_GRADCHECK_FAIL], by[CT_GRADCHECK_INVALID], bad);
    for (int v = 0; v < VERDICTS; v++)
        c->by[v] += by[v];
    c->runs += (long)t->seeds, c->bad += bad, c->clean += bad == 0;
    ask_peers(t, p, broken, c);
    fflush(stdout);
}

/* -- Tables */
static count sum(const table *t)
{
    count all = { .kind = "all" };
    for (int i = 0; i < t->count; i++) {
        const count *c = &t->kinds[i];
        all.cases += c->cases, all.clean += c->clean, all.runs += c->runs, all.bad += c->bad;
        for (int v = 0; v < VERDICTS; v++)
            all.by[v] += c->by[v];
        for (int w = 0; w < PEERS; w++)
            all.peers[w] += c->peers[w];
    }
    return all;
}

static void print_broken(const count *c)
{
    printf("| %s | %d | %d | %d | %d | %d |\n", c->kind, c->cases, c->clean,
           c->peers[PEER_TORCH_SLOW], c->peers[PEER_TORCH_FAST], c->peers[PEER_PLAIN]);
}

static double percent(const count *c, ct_verdict v)
{
    return 100.0 * (double)c->by[v] / (double)c->runs;
}

static void print_right(const count *c)
{
    printf("| %s | %d | %.2f | %.2f | %.2f | %.2f | %d | %d | %d |\n", c->kind, c->cases,
           percent(c, CT_GRADCHECK_PASS), percent(c, CT_GRADCHECK_KINK),
           percent(c, CT_GRADCHECK_INCONCLUSIVE),
           percent(c, CT_GRADCHECK_FAIL) + percent(c, CT_GRADCHECK_INVALID),
           c->peers[PEER_TORCH_SLOW], c->peers[PEER_TORCH_FAST], c->peers[PEER_PLAIN]);
}

static count run_all(bool broken, uint64_t seeds, uint64_t first)
{
    static proof_case cases[PROOF_CASES];
    static table t;
    t = (table){ .seeds = seeds, .first = first };
    int n = (broken ? proof_broken : proof_right)(cases);
    for (int i = 0; i < n; i++)
        run_case(&t, &cases[i], broken);
    printf(broken ? "\n| broken rules | cases | found | PyTorch, slow | PyTorch, fast | plain |\n"
                    "|---|---|---|---|---|---|\n"
                  : "\n| right functions | cases | PASS, %% | KINK, %% | INCONCLUSIVE, %% | wrong, "
                    "%% | PyTorch, slow | PyTorch, fast | plain |\n"
                    "|---|---|---|---|---|---|---|---|---|\n");
    count all = sum(&t);
    for (int i = 0; i <= t.count; i++)
        (broken ? print_broken : print_right)(i < t.count ? &t.kinds[i] : &all);
    return all;
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (seeds == 0)
        return fprintf(stderr, "proof: the number of seeds must be positive\n"), 2;
    count broken = run_all(true, seeds, first), right = run_all(false, seeds, first);
    double good = percent(&right, CT_GRADCHECK_PASS) + percent(&right, CT_GRADCHECK_KINK);
    bool failed = broken.bad > 0 || right.bad > 0 || good < 95;
    printf("\n%llu seeds: %d broken rules, %ld of %ld reports wrong; %d right functions, %ld of "
           "%ld runs called wrong, %.2f %% PASS or KINK\n%d passed, %d failed, 0 skipped\n",
           (unsigned long long)seeds, broken.cases, broken.bad, broken.runs, right.cases, right.bad,
           right.runs, good, !failed, failed);
    return failed;
}
