/* Patients as 32 numbers: a denoising autoencoder on a cohort's records. See patients.md. */
#include "foresee.h"

enum { AGE, RAW, PCA, CODE, WAYS, FOLDS = 5, K = 32 };

static const char *const ways[] = { "age alone", "all features", "32 components", "the code" };
static const double theirs[OUTCOMES] = { 0.773, 0.852, 0.770 };
static double auc[2][WAYS][FOLDS][OUTCOMES]; /* learned from all of the others; from a tenth */
static int found[OUTCOMES], asked[OUTCOMES];

static ct_module *net_new(program *p)
{
    int64_t h = program_size(p, 128, 128, 32);
    return ct_sequential_new(p->cx, CT_MODULES(ct_dropout_new(p->cx, 0.2),
        ct_mlp_new(p->cx, CT_F32, CT_SIZES(WIDE, h, K), CT_RELU, NULL),
        ct_activation_new(p->cx, CT_TANH),
        ct_mlp_new(p->cx, CT_F32, CT_SIZES(K, h, WIDE), CT_RELU, NULL)));
}

static ct_tensor *code_of(ct_module *net, ct_tensor *x)
{
    return ct_module_forward(ct_module_child(net, "2"),
                             ct_module_forward(ct_module_child(net, "1"), x));
}

static ct_tensor *mse(ct_tensor *y, ct_tensor *x, void *user)
{
    return (void)user, ct_mse(y, x);
}

/* for the check, without chance: d is { x with holes, x } */
static ct_tensor *loss(ct_module *net, void *d)
{
    ct_tensor **x = d;
    return ct_mse(ct_module_forward(ct_module_child(net, "3"), code_of(net, x[0])), x[1]);
}

static bool on_epoch(const ct_fit_report *r, void *user)
{
    program *p = user;
    static int done;
    return program_progress(p, ++done / (double)(FOLDS * r->epochs), "epoch %d", (int)r->epoch);
}

static ct_module *train(program *p, ct_tensor *x)
{
    int n;
    ct_module *net = net_new(p);
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    ct_training run = { .module = net, .optimizer = ct_adam_new(parameters, n, 0, NULL),
                        .batches = ct_batches_new(x, x, 128, NULL) };
    int64_t epochs = program_size(p, 40, 10, 2);
    ct_schedule s = { .kind = CT_ONE_CYCLE, .rate = 3e-3,
                      .steps = epochs * ct_batches_count(run.batches) };
    ct_fit(&run, &(ct_fit_options){ .epochs = epochs, .schedule = &s, .loss = mse,
                                    .on_epoch = on_epoch, .user = p, .replay = p->replay });
    return net;
}

static void fold(program *p, const people *all, int k)
{
    int64_t n = patient_count, from = k * n / FOLDS, to = (k + 1) * n / FOLDS;
    ct_tensor *learn = rows(all->x, from, to, true), *test = rows(all->x, from, to, false), *v;
    people a = { standard(learn, learn, true), rows(all->y, from, to, true),
                 rows(all->w, from, to, true) };
    people b = { standard(test, learn, true), rows(all->y, from, to, false),
                 rows(all->w, from, to, false) };
    ct_module *net = train(p, ct_cast(a.x, CT_F32));
    ct_tensor *mean = ct_mean_over(a.x, CT_AXES(0), 0), *apart = ct_sub(a.x, mean);
    ct_eigh(ct_matmul(ct_transpose(apart), apart), NULL, &v);
    v = ct_slice(v, 1, WIDE - K, WIDE, 1);
    for (int way = AGE; way <= CODE; way++) {
        ct_tensor *x[2] = { a.x, b.x };
        for (int i = 0; i < 2 && way != RAW; i++)
            x[i] = way == AGE   ? ct_slice(x[i], 1, 0, 1, 1)
                   : way == PCA ? ct_matmul(ct_sub(x[i], mean), v)
                                : ct_cast(ct_detach(code_of(net, ct_cast(x[i], CT_F32))), CT_F64);
        people at = { standard(x[1], x[0], false), b.y, b.w };
        judge(p, &(people){ standard(x[0], x[0], false), a.y, a.w }, &at,
              (double *[]){ auc[0][way][k], auc[1][way][k] });
        if (way == CODE && k == 0)
            spot(&at);
    }
    ct_module_free(net);
}

static double mean_of(int few, int way, int outcome)
{
    double sum = 0;
    for (int k = 0; k < FOLDS; k++)
        sum += auc[few][way][k][outcome];
    return sum / FOLDS;
}

static void show(program *p)
{
    chart c = { .title = "Patients in the two main directions of the code", .size = FULL,
                .cover = true, .caption = "And what was found in the five years after" };
    for (int o = 0; o <= OUTCOMES; o++)
        c.series[o] = (series){ o ? diseases[o - 1] : "none of these", spots[o][0], spots[o][1],
                                spot_count[o], DOTS, o ? o : GRAY };
    report_chart(p, &c);
    report_text(p, "Each figure is the share of pairs, one patient in whom it was found and one in "
                "whom it was not, that are put in the right order: by chance 0.5.");
    for (int few = 0; few < 2; few++) {
        report_heading(p, few ? "With a tenth of the answers" : "What is foreseen");
        report_row(p, "found within five years|people|of|%s|%s|%s|%s|the code gains", ways[0],
                   ways[1], ways[2], ways[3]);
        for (int o = 0; o < OUTCOMES; o++) {
            double raw = mean_of(few, RAW, o), code = mean_of(few, CODE, o);
            report_row(p, "%s|%d|%d|%.3f|%.3f|%.3f|%.3f|%s", diseases[o], found[o], asked[o],
                       mean_of(few, AGE, o), raw, mean_of(few, PCA, o), code,
                       code - raw < 0.005 ? "nothing" : program_words(p, "%.3f", code - raw));
        }
    }
}

int main(int argc, char **argv)
{
    program p = { .name = "patients", .title = "A patient in 32 numbers", .minutes = 0.5,
                  .does = "codes what is known of patients, and foresees what will be found" };
    if (!program_begin(&p, argc, argv))
        return p.status;
    if (!p.data)
        invent_cohort(&p, (int)program_size(&p, 8000, 4000, 1000));
    people all = p.data && !read_cohort(&p) ? (people){ 0 } : people_new(&p, found, asked);
    ct_tensor *few = standard(rows(all.x, 0, 8, false), all.x, true);
    ct_tensor *batch[] = { ct_dropout(few, 0.2), few };
    report_setting(&p, "patients", "%d, %s", patient_count, p.data ? p.data : "made up");
    program_say(&p, "%d patients, %s", patient_count, p.data ? p.data : "made up by the program");
    if (!program_check(&p, net_new(&p), loss, batch))
        return program_end(&p, NULL);
    for (int k = 0; k < FOLDS && !p.stopped; k++) {
        ct_scope scope = ct_scope_begin(p.cx);
        fold(&p, &all, k);
        ct_scope_end(p.cx, scope);
    }
    show(&p);
    for (int o = 0; o < OUTCOMES; o++) {
        double raw = mean_of(0, RAW, o), code = mean_of(0, CODE, o);
        program_say(&p, "%s: AUC %.3f by the code, %.3f by all features, %.3f by age alone",
                    diseases[o], code, raw, mean_of(0, AGE, o));
        if (p.data)
            program_target(&p, code >= theirs[o] - 0.02, "%s: the code's AUC %.3f is at least "
                           "%.3f less 0.02", diseases[o], code, theirs[o]);
    }
    return program_end(&p, "AUC by the code, for %s %.3f, %s %.3f, %s %.3f", diseases[0],
                       mean_of(0, CODE, 0), diseases[1], mean_of(0, CODE, 1), diseases[2],
                       mean_of(0, CODE, 2));
}
