SHELL_TESTS += tests/shell/t0155-monitor.sh tests/shell/t0156-monitor-timer.sh tests/shell/t0157-drift-scipy.sh
EXTRA_DIST += tests/shell/.shellcheckrc tests/shell/remote.sh tests/shell/deploy.sh tests/shell/forge.py
SHELL_TESTS += \
	tests/shell/t0040-lineage.sh \
	tests/shell/t0041-powercut.sh \
	tests/shell/t0049-story.sh \
	tests/shell/t0001-build.sh \
	tests/shell/t0002-content.sh \
	tests/shell/t0003-restore.sh \
	tests/shell/t0004-keys.sh \
	tests/shell/t0005-moving-inputs.sh \
	tests/shell/t0006-failure.sh \
	tests/shell/t0007-refused.sh \
	tests/shell/t0008-cmd.sh \
	tests/shell/t0009-kill.sh \
	tests/shell/t0010-at-once.sh \
	tests/shell/t0100-gc.sh \
	tests/shell/t0101-fsck.sh \
	tests/shell/t0102-odd-repositories.sh \
	tests/shell/t0103-gc-at-once.sh \
	tests/shell/t0011-exit-codes.sh \
	tests/shell/t0012-errors.sh \
	tests/shell/t0013-params.sh \
	tests/shell/t0014-matrix.sh \
	tests/shell/t0015-use.sh \
	tests/shell/t0016-attempts.sh \
	tests/shell/t0017-options.sh \
	tests/shell/t0018-targets.sh \
	tests/shell/t0019-interrupt.sh \
	tests/shell/t0020-events.sh \
	tests/shell/t0021-crash.sh \
	tests/shell/t0022-damage.sh \
	tests/shell/t0023-lock.sh \
	tests/shell/t0024-places.sh \
	tests/shell/t0025-jobserver.sh \
	tests/shell/t0026-names.sh \
	tests/shell/t0027-init.sh \
	tests/shell/t0028-completions.sh \
	tests/shell/t0029-examples.sh \
	tests/shell/t0030-fetch.sh \
	tests/shell/t0031-newcomer.sh \
	tests/shell/t0032-glance.sh \
	tests/shell/t0050-inputs.sh \
	tests/shell/t0051-faults.sh \
	tests/shell/t0052-link.sh \
	tests/shell/t0053-reflink.sh \
	tests/shell/t0060-share.sh \
	tests/shell/t0061-share-ssh.sh \
	tests/shell/t0062-share-lfs.sh \
	tests/shell/t0063-share-rclone.sh \
	tests/shell/t0064-build-pull.sh \
	tests/shell/t0065-share-races.sh \
	tests/shell/t0066-fsck-remote.sh \
	tests/shell/t0067-symlink.sh \
	tests/shell/t0068-share-killed.sh \
	tests/shell/t0069-share-faults.sh \
	tests/shell/t0070-checkout.sh \
	tests/shell/t0071-checkout-hostile.sh \
	tests/shell/t0072-reproduce.sh \
	tests/shell/t0073-runs.sh \
	tests/shell/t0074-same.sh \
	tests/shell/t0075-verify.sh \
	tests/shell/t0076-links.sh \
	tests/shell/t0077-clone.sh \
	tests/shell/t0080-accept.sh \
	tests/shell/t0081-merge-lock.sh \
	tests/shell/t0082-show-diff.sh \
	tests/shell/t0083-lineage.sh \
	tests/shell/t0140-sources.sh \
	tests/shell/t0141-real-sources.sh \
	tests/shell/t0142-deploy.sh \
	tests/shell/t0143-deploy-faults.sh \
	tests/shell/t0144-retrain.sh \
	tests/shell/t0090-code-cpython.sh \
	tests/shell/t0091-code-meaning.sh \
	tests/shell/t0092-imports.sh
SHELL_TESTS += tests/shell/t0093-code-bad-input.sh
SHELL_TESTS += tests/shell/t0110-watch.sh
SHELL_TESTS += tests/shell/t0111-learn.sh
SHELL_TESTS += tests/shell/t0112-environment.sh
SHELL_TESTS += tests/shell/t0116-strict.sh
SHELL_TESTS += tests/shell/t0120-hook-install.sh tests/shell/t0121-hook-build.sh \
	tests/shell/t0122-hook-queue.sh tests/shell/t0123-hook-push.sh tests/shell/t0124-hook-faults.sh tests/shell/t0129-hook-soak.sh
SHELL_TESTS += tests/shell/t0150-check.sh
SHELL_TESTS += tests/shell/t0151-profile.sh
SHELL_TESTS += tests/shell/t0117-normal.sh tests/shell/t0118-registry.sh
SHELL_TESTS += tests/shell/t0113-packages.sh
SHELL_TESTS += tests/shell/t0094-story-code.sh
SHELL_TESTS += tests/shell/t0114-packages-cpython.sh tests/shell/t0115-machine.sh
EXTRA_DIST += tests/env/against_python.py tests/env/make_wheel.py
SHELL_TESTS += tests/shell/t0130-gate.sh tests/shell/t0131-gate-compares.sh tests/shell/t0132-gate-command.sh
SHELL_TESTS += tests/shell/t0133-gate-rescore.sh tests/shell/t0134-gate-bad-input.sh tests/shell/t0135-gate-elsewhere.sh tests/shell/t0136-gate-and-deploy.sh
SHELL_TESTS += tests/shell/t0145-what-is-told.sh tests/shell/t0146-disks.sh tests/shell/t0147-hook-deploy.sh tests/shell/t0148-deploys-at-once.sh tests/shell/t0158-monitor-columns.sh tests/shell/t0159-timer-real.sh tests/shell/t0170-loop.sh
