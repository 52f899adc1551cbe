/* Kernel of nonzero.c: counts the elements of x that are not 0, and keeps where they are, if there
 * is room for that. s bytes and one comparison for each element, with s the size of REAL; 8 bytes
 * for each that is kept. */
static void K(find)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    search *s = *(search *const *)arg;
    const REAL *x = data[0];
    int64_t count = s->count;
    for (int64_t i = 0; i < n; i++) {
        if (s->at && x[i * stride[0]] != 0 && count < s->most)
            s->at[count] = s->seen + i;
        count += x[i * stride[0]] != 0;
    }
    s->count = count;
    s->seen += n;
}
