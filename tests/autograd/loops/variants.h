/* What kernels.h says about each variant that it stamps. */
static int K(width)(void)
{
    return VECTOR_BYTES;
}

static const variant K(words) = {
    .size = sizeof(REAL),
    .width = K(width),
    .is_f32 = IS_F32,
    .is_float = IS_FLOAT,
    .is_unsigned = (REAL)-1 > 0,
    .size_of_root = sizeof(F(sqrt)(4)),
};
