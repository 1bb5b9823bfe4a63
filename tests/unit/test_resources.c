/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/resources.h"
#include "tap.h"
#include "util/file.h"

#define GIB ((int64_t)1 << 30)

static char *gpu_names[] = {(char *)"0", (char *)"1", (char *)"GPU-ab"};

static void cores_and_memory(void)
{
	struct resources r;
	struct use two = {.cpu = 2, .mem = 3 * GIB}, one = {.cpu = 1, .mem = GIB}, any = {.cpu = 1};
	struct holding a = HOLDING_INIT, b = HOLDING_INIT, c = HOLDING_INIT;

	resources_init(&r, 3, 4 * GIB, NULL, 0);
	EXPECT(resources_take(&r, &two, &a));
	EXPECT(!resources_take(&r, &two, &b));
	EXPECT(resources_take(&r, &one, &b));
	EXPECT_INT(r.cpu_used, 3);
	EXPECT_INT(r.mem_used, 4 * GIB);
	EXPECT(!resources_take(&r, &any, &c));
	resources_give(&r, &a);
	EXPECT(resources_take(&r, &any, &c));
	EXPECT(!resources_take(&r, &two, &a));
	resources_give(&r, &b);
	resources_give(&r, &c);
	EXPECT_INT(r.cpu_used, 0);
	EXPECT_INT(r.mem_used, 0);
	resources_release(&r);
}

static void more_than_there_is_runs_alone(void)
{
	struct resources r;
	struct use cores = {.cpu = 64}, memory = {.cpu = 1, .mem = 64 * GIB}, any = {.cpu = 1};
	struct holding a = HOLDING_INIT, b = HOLDING_INIT;

	resources_init(&r, 4, 8 * GIB, NULL, 0);
	EXPECT_INT(resources_check(&r, &cores, NULL), 0);
	EXPECT_INT(resources_check(&r, &memory, NULL), 0);
	EXPECT(resources_take(&r, &cores, &a));
	EXPECT(!resources_take(&r, &any, &b));
	resources_give(&r, &a);
	EXPECT(resources_take(&r, &memory, &a));
	EXPECT(!resources_take(&r, &any, &b));
	resources_give(&r, &a);
	EXPECT(resources_take(&r, &any, &b));
	EXPECT(!resources_take(&r, &cores, &a));
	EXPECT(!resources_take(&r, &memory, &a));
	resources_give(&r, &b);
	resources_release(&r);
	resources_init(&r, 0, 0, NULL, 0); /* memory not known: no limit */
	EXPECT(resources_take(&r, &memory, &a));
	EXPECT_INT(r.mem_used, 0);
	resources_give(&r, &a);
	resources_release(&r);
}

static void gpus(void)
{
	struct resources r;
	struct use one = {.cpu = 1, .gpu = 1}, two = {.cpu = 1, .gpu = 2}, four = {.cpu = 1, .gpu = 4};
	struct holding a = HOLDING_INIT, b = HOLDING_INIT, c = HOLDING_INIT;
	struct strbuf ids = STRBUF_INIT;
	struct err err = ERR_INIT;

	resources_init(&r, 8, GIB, gpu_names, 3);
	EXPECT_INT(resources_check(&r, &two, NULL), 0);
	EXPECT_INT(resources_check(&r, &four, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_STR(err.msg, "it needs gpu=4, and there are 3; list the devices as 'gpus' in [project]");
	err_release(&err);
	EXPECT(resources_take(&r, &one, &a));
	EXPECT(resources_take(&r, &two, &b));
	EXPECT(!resources_take(&r, &one, &c));
	EXPECT_INT(r.cpu_used, 2); /* nothing was taken by halves */
	resources_gpu_ids(&r, &b, &ids);
	EXPECT_STR(ids.buf, "1,GPU-ab");
	resources_give(&r, &a);
	EXPECT(resources_take(&r, &one, &c));
	strbuf_clear(&ids);
	resources_gpu_ids(&r, &c, &ids);
	EXPECT_STR(ids.buf, "0");
	resources_give(&r, &b);
	resources_give(&r, &c);
	strbuf_release(&ids);
	resources_release(&r);
}

static void locks(void)
{
	const char *ab[] = {"a", "b"}, *bc[] = {"b", "c"}, *d[] = {"d"};
	struct use x = {.cpu = 1, .locks = ab, .n_locks = 2}, y = {.cpu = 1, .locks = bc, .n_locks = 2};
	struct use z = {.cpu = 1, .locks = d, .n_locks = 1};
	struct holding hx = HOLDING_INIT, hy = HOLDING_INIT, hz = HOLDING_INIT;
	struct resources r;

	resources_init(&r, 8, GIB, NULL, 0);
	EXPECT(resources_take(&r, &x, &hx));
	EXPECT(!resources_take(&r, &y, &hy));
	EXPECT(resources_take(&r, &z, &hz));
	EXPECT_INT(r.locks.n, 3);
	resources_give(&r, &hx);
	EXPECT(resources_take(&r, &y, &hy));
	EXPECT(!resources_take(&r, &x, &hx));
	resources_give(&r, &hy);
	resources_give(&r, &hz);
	EXPECT_INT(r.locks.n, 0);
	resources_release(&r);
}

static void write_text(const char *path, const char *text)
{
	EXPECT_INT(file_write(path, text, strlen(text), 0644, false, NULL), 0);
}

static void control_groups(void)
{
	write_text("cg/a/memory.max", "3000000000\n");
	write_text("cg/a/b/memory.max", "max\n");
	write_text("cg/memory/d/memory.limit_in_bytes", "500\n");
	write_text("cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
	EXPECT_INT(resources_cgroup_limit("0::/a/b\n", "cg"), 3000000000);
	EXPECT_INT(resources_cgroup_limit("0::/\n", "cg"), INT64_MAX);
	EXPECT_INT(resources_cgroup_limit("0::/gone/b/c\n", "cg"), INT64_MAX);
	EXPECT_INT(resources_cgroup_limit("5:cpu,cpuacct:/d\n4:memory:/d\n", "cg"), 500);
	EXPECT_INT(resources_cgroup_limit("4:memory:/\n", "cg"), 9223372036854771712);
	EXPECT_INT(resources_cgroup_limit("", "cg"), INT64_MAX);
	EXPECT_INT(resources_cgroup_limit("nonsense\n:\n::\n", "cg"), INT64_MAX);
	EXPECT(resources_memory() >= 16 << 20);
	EXPECT(resources_memory() <= (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

static void expect_gpus(const char *visible, const char *want)
{
	struct strvec ids = STRVEC_INIT;
	struct strbuf got = STRBUF_INIT;
	size_t i;

	if (visible)
		setenv("CUDA_VISIBLE_DEVICES", visible, 1);
	else
		unsetenv("CUDA_VISIBLE_DEVICES");
	resources_find_gpus(&ids);
	for (i = 0; i < ids.n; i++)
		strbuf_addf(&got, "%s;", ids.v[i]);
	EXPECT_STR(got.buf, want);
	strbuf_release(&got);
	strvec_release(&ids);
}

static void finding_gpus(void)
{
	expect_gpus("", "");
	expect_gpus("2", "2;");
	expect_gpus("0,GPU-8932f937, 3", "0;GPU-8932f937;3;");
	expect_gpus("1,-1,2", "1;");
	expect_gpus("NoDevFiles", "");
	expect_gpus("1,,2", "1;");
	setenv("PATH", "/nowhere::bin", 1);
	expect_gpus(NULL, "");
	write_text("bin/nvidia-smi", "#!/bin/sh\n[ \"$*\" = -L ] || exit 1\n"
		   "echo 'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)'\n"
		   "echo '  MIG 1g.5gb      Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)'\n"
		   "echo 'GPU 10: NVIDIA A100-SXM4-40GB (UUID: GPU-00000000-d33d-2b2c-524d-9e3d8d2b8a77)'\n");
	EXPECT_INT(chmod("bin/nvidia-smi", 0755), 0);
	expect_gpus(NULL, "0;10;");
	write_text("bin/nvidia-smi", "#!/bin/sh\necho 'NVIDIA-SMI has failed' >&2; exit 9\n");
	EXPECT_INT(chmod("bin/nvidia-smi", 0755), 0);
	expect_gpus(NULL, "");
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"cores and memory", cores_and_memory},
		{"more than there is runs alone", more_than_there_is_runs_alone},
		{"GPUs are handed out by id", gpus},
		{"locks exclude", locks},
		{"limits of control groups", control_groups},
		{"GPUs are found", finding_gpus},
	};

	return tap_run("resources", tests, sizeof(tests) / sizeof(tests[0]));
}
