/* The manual and the operators say the same. autograd.h and the headers that ops.h includes are read
 * as text: every function that they offer is in the list of operators, and the comment of each
 * prototype begins with the formula and the derivative of the operator's object. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>

enum { LONGEST = 4096 };

/* functions that are written with other operators; so is what ends in _over, if it is not one */
static const char *const composed[] = {
#define COMPOSED(name, ...) #name,
#include "composed.def"
    "update", /* it applies the operator of a rule, in place: no walk of derivatives has it */
};
/* operators that are only the rules of others, and have no function */
static const char *const internal[] = { "embed", "recurrence", "balance", "conv_weight", "resample",
                                       "cummax_places", "cummin_places", "gamma_slope" };

static bool among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}
#define AMONG(name, names) among(name, names, sizeof names / sizeof *names)

/* -- Comments that belong to prototypes */
/* text with each run of white space, and the stars that begin lines, made one space */
static void append_folded(char *to, const char *line)
{
    size_t n = strlen(to);
    line += strspn(line, " ");
    if (line[0] == '*' && line[1] == ' ')
        line++;
    for (; *line && n < LONGEST - 2; line++)
        if (!isspace((unsigned char)*line))
            to[n++] = *line;
        else if (n > 0 && to[n - 1] != ' ')
            to[n++] = ' ';
    to[n] = '\0';
}

/* the rules of ct_update are listed as enumerators: update_rmsprop is CT_RMSPROP */
static bool enumerator(const char *line, char name[64])
{
    char rule[48];
    if (sscanf(line, " CT_%40[A-Z] =", rule) != 1)
        return false;
    for (char *c = rule; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    snprintf(name, 64, "update_%s", rule);
    return ct_op_find(name) && strcmp(rule, "sgd") != 0 && strcmp(rule, "adam") != 0;
}

/* the name after "ct_tensor *ct_" or "ct_status ct_" at the start of a line; false: none */
static bool prototype(const char *line, char name[64])
{
    static const char *const starts[] = { "ct_tensor *ct_", "ct_status ct_" };
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(starts[i]);
        if (strncmp(line, starts[i], n) == 0 && sscanf(line + n, "%63[^(]", name) == 1)
            return true;
    }
    return enumerator(line, name);
}

/* the comment of ct_NAME in that header: the one beside its prototype, or else the one that ends on
 * the line before; false: there is no such prototype */
static bool comment_of(const char *header, const char *wanted, char comment[LONGEST])
{
    char line[512], name[64];
    bool inside = false, found = false;
    FILE *file = open_header(header);
    comment[0] = '\0';
    while (!found && fgets(line, sizeof line, file)) {
        bool begins = strncmp(line + strspn(line, " "), "/*", 2) == 0;
        if (prototype(line, name) && strcmp(name, wanted) == 0) {
            const char *beside = strstr(line, "/*");
            if (beside)
                comment[0] = '\0', append_folded(comment, beside);
            found = true;
        } else if (begins || inside) {
            if (begins)
                comment[0] = '\0';
            append_folded(comment, line);
            inside = strstr(line, "*/") == NULL;
        } else {
            comment[0] = '\0';
        }
    }
    fclose(file);
    return found;
}

static bool find_comment(const char *name, char comment[LONGEST])
{
    for (int i = 0; operator_headers[i]; i++)
        if (comment_of(operator_headers[i], name, comment))
            return true;
    return comment_of("autograd.h", name, comment);
}

START_TEST(every_operator_has_both_texts)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++) {
        const char *formula = list[i]->formula, *derivative = list[i]->derivative;
        ck_assert_msg(formula && strstr(formula, " = "), "%s: no formula", list[i]->name);
        ck_assert_msg(derivative && *derivative, "%s: no derivative", list[i]->name);
        bool none = list[i]->flags & (CT_OP_CONSTANT | CT_OP_UPDATE);
        ck_assert_msg(none == (strcmp(derivative, "none") == 0), "%s: derivative \"%s\"",
                      list[i]->name, derivative);
        ck_assert_msg(none || strncmp(derivative, "g", 1) == 0, "%s: derivative \"%s\"",
                      list[i]->name, derivative);
    }
}
END_TEST

/* the comment begins with "FORMULA; DERIVATIVE", and a sentence ends there */
START_TEST(the_manual_states_both_texts)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    char comment[LONGEST], wanted[LONGEST];
    for (int i = 0; i < n; i++) {
        const ct_op *op = list[i];
        bool found = find_comment(op->name, comment);
        ck_assert_msg(found != AMONG(op->name, internal), "%s: %s a prototype", op->name,
                      found ? "an internal operator has" : "no header has");
        ck_assert_msg(op->formula && op->derivative, "%s: no formula or derivative", op->name);
        if (!found)
            continue;
        bool none = strcmp(op->derivative, "none") == 0;
        int length = snprintf(wanted, sizeof wanted, "/* %s; %s%s", op->formula,
                              none ? "derivative: " : "", op->derivative);
        const char *rest = comment + length;
        bool same = strncmp(comment, wanted, (size_t)length) == 0 &&
                    (strncmp(rest, ". ", 2) == 0 || strncmp(rest, " */", 3) == 0);
        ck_assert_msg(same, "ct_%s: the operator says \"%s\", and the header \"%s\"", op->name,
                      wanted, comment);
    }
}
END_TEST

/* ct_sum_over has the formulas of ct_sum, as its section of reductions.h says */
static void strip_over(char *name)
{
    size_t n = strlen(name);
    if (n > 5 && strcmp(name + n - 5, "_over") == 0)
        name[n - 5] = '\0';
}

/* returns how many prototypes the header has */
static int look_through(const char *from)
{
    FILE *header = open_header(from);
    char line[512], name[64], comment[LONGEST];
    int found = 0;
    while (fgets(line, sizeof line, header)) {
        if (!prototype(line, name))
            continue;
        found++;
        strip_over(name);
        ck_assert_msg(ct_op_find(name) || AMONG(name, composed),
                      "ct_%s is in %s, but not in the list of operators", name, from);
        ck_assert_msg(find_comment(name, comment), "ct_%s_over is in %s, ct_%s is not", name, from,
                      name);
        bool states = strstr(comment, " = ") &&
                      (strstr(comment, "; g") || strstr(comment, "; derivative: none"));
        ck_assert_msg(states, "ct_%s: no value or no derivative in \"%s\"", name, comment);
    }
    fclose(header);
    return found;
}

START_TEST(every_function_of_ops_h_is_in_the_list_and_states_a_derivative)
{
    int found = 0;
    for (int i = 0; operator_headers[i]; i++)
        found += look_through(operator_headers[i]);
    ck_assert_int_gt(found, 60);
}
END_TEST

Suite *manual_suite(void)
{
    return make_suite("manual", (const TTest *const[]){
        every_operator_has_both_texts, the_manual_states_both_texts,
        every_function_of_ops_h_is_in_the_list_and_states_a_derivative, NULL });
}
