#include "mistakes.h"

/* into its place among the worst, which are kept in order */
static void insert(mistakes *m, mistake found)
{
    int64_t at = m->count < WORST ? m->count : WORST;
    m->count++;
    while (at > 0 && m->worst[at - 1].confidence < found.confidence) {
        if (at < WORST)
            m->worst[at] = m->worst[at - 1];
        at--;
    }
    if (at < WORST)
        m->worst[at] = found;
}

bool mistakes_find(mistakes *m, ct_context *cx, ct_module *net, const images *test)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    const float *p = ct_data_f32(ct_softmax(ct_module_forward(net, test->x), -1));
    const int64_t *labels = ct_data_i64(test->labels);
    *m = (mistakes){ .images = ct_size(test->x, 0) };
    for (int64_t i = 0; p && labels && i < m->images; i++, p += CLASSES) {
        int guess = 0;
        for (int k = 1; k < CLASSES; k++)
            if (p[k] > p[guess])
                guess = k;
        if (guess != labels[i])
            insert(m, (mistake){ i, (int)labels[i], guess, (double)p[guess] });
    }
    ct_scope_end(cx, scope);
    return !ct_error(cx);
}
