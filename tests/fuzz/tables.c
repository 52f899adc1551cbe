/* CSV. The first two bytes say which options are set, and the rest is the file. */
#include "fuzz.h"

static ct_csv_options options;

static void csv(ct_context *cx, const char *path)
{
    ct_table *t = ct_read_csv(cx, path, &options);
    MUST(!t == (ct_error(cx) != CT_OK));
    int width = ct_table_width(t); /* of very many columns, every so many-th is enough */
    for (int k = 0; k < width; k += 1 + width / 16) {
        const char *name = ct_table_name(t, k);
        ct_tensor *x = ct_table_column(t, name);
        MUST(name && x && ct_count(x) == ct_table_rows(t));
        ct_table_category(t, name, ct_table_rows(t) - 1);
    }
    ct_table_matrix(t, CT_F32, NULL, 0);
    ct_table_free(t);
}

void fuzz_csv(const uint8_t *data, size_t size)
{
    static const ct_column columns[] = { { "a", CT_COLUMN_ANY }, { "b", CT_COLUMN_CATEGORY } };
    if (size < 2)
        return;
    options = (ct_csv_options){ .no_header = data[0] & 1, .missing_fails = data[0] & 2,
                                .missing = data[0] & 4 ? "?" : NULL,
                                .columns = data[0] & 8 ? columns : NULL, .n = data[0] & 8 ? 2 : 0,
                                .separator = data[1] < 4 ? ";\t| "[data[1]] : 0,
                                .max_bytes = 1 << 20 };
    fuzz_file(data + 2, size - 2, (int64_t)16 << 20, csv);
}
