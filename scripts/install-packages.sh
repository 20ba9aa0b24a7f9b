#!/bin/sh
# install-packages.sh NAMES...: install Debian packages as root, and none of the servers among them is started: Zaitu
# runs its own, and Debian's default cluster is not wanted.
set -e

policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    # Taken away again whatever happens; a policy that was there is respected.
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/zaitu.conf
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --yes --quiet --no-install-recommends "$@"

case " $* " in
    *" mosquitto "*) [ ! -d /run/systemd/system ] || systemctl disable mosquitto ;;
esac
