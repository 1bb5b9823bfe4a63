/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/scan.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

void scan_blocks_plain(const char *s, size_t n, char separator, struct scan *out)
{
	for (; n; n--, s += SCAN_BLOCK, out++) {
		struct scan m = {0, 0, 0, false};
		size_t i;

		for (i = 0; i < SCAN_BLOCK; i++) {
			m.ends |= (uint64_t)(s[i] == separator || s[i] == '\n') << i;
			m.lines |= (uint64_t)(s[i] == '\n') << i;
			m.quotes |= (uint64_t)(s[i] == '"') << i;
			m.odd |= (signed char)s[i] <= 0;
		}
		*out = m;
	}
}

#ifdef __SSE2__
static void scan_sse2(const char *s, size_t n, char separator, struct scan *out)
{
	const __m128i sep = _mm_set1_epi8(separator), nl = _mm_set1_epi8('\n'), quote = _mm_set1_epi8('"'), one = _mm_set1_epi8(1);

	for (; n; n--, s += SCAN_BLOCK, out++) {
		uint64_t seps = 0, lines = 0, quotes = 0;
		unsigned odd = 0, i;

		for (i = 0; i < 4; i++) {
			__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + 16 * i));

			seps |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, sep)) << 16 * i;
			lines |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, nl)) << 16 * i;
			quotes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, quote)) << 16 * i;
			odd |= (unsigned)_mm_movemask_epi8(_mm_cmplt_epi8(x, one)); /* signed: NUL and from 0x80 */
		}
		*out = (struct scan){seps | lines, lines, quotes, odd != 0};
	}
}

__attribute__((target("avx2")))
static void scan_avx2(const char *s, size_t n, char separator, struct scan *out)
{
	const __m256i sep = _mm256_set1_epi8(separator), nl = _mm256_set1_epi8('\n'), quote = _mm256_set1_epi8('"'),
		      one = _mm256_set1_epi8(1);

	for (; n; n--, s += SCAN_BLOCK, out++) {
		uint64_t seps = 0, lines = 0, quotes = 0;
		unsigned odd = 0, i;

		for (i = 0; i < 2; i++) {
			__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(s + 32 * i));

			seps |= (uint64_t)(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, sep)) << 32 * i;
			lines |= (uint64_t)(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, nl)) << 32 * i;
			quotes |= (uint64_t)(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, quote)) << 32 * i;
			odd |= (unsigned)_mm256_movemask_epi8(_mm256_cmpgt_epi8(one, x));
		}
		*out = (struct scan){seps | lines, lines, quotes, odd != 0};
	}
}
#endif

void scan_blocks(const char *s, size_t n, char separator, struct scan *out)
{
#ifdef __SSE2__
	if (__builtin_cpu_supports("avx2"))
		scan_avx2(s, n, separator, out);
	else
		scan_sse2(s, n, separator, out);
#else
	scan_blocks_plain(s, n, separator, out);
#endif
}
