/* Room for the pixels of an image. */
#include "image.h"

ct_status ct__image_room(const ct__image_source *s, ct__image *image)
{
    const int64_t memory = PTRDIFF_MAX / image->bytes; /* width and height are below 2^31 */
    const int64_t most = (s->limit < memory ? s->limit : memory) / image->channels;
    if (image->width * image->height > most)
        return ct__file_fail(s->file, CT_ERROR_MEMORY, "%lld x %lld pixels take more than "
                             "max_bytes", (long long)image->width, (long long)image->height);
    size_t samples = (size_t)(image->width * image->height) * (size_t)image->channels;
    image->pixels = ct_object_new(s->file->cx, samples * (size_t)image->bytes, NULL);
    return image->pixels ? CT_OK : CT_ERROR_MEMORY;
}
