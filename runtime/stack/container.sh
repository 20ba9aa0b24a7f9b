#!/bin/sh
# Start Mosquitto in a container with the settings and rules of the embedded broker.
set -eu
umask 077
passwords=/mosquitto/data/passwords
: > "$passwords"
mosquitto_passwd -b "$passwords" zaitu-ingest "$ZAITU_INGEST_PASSWORD"
mosquitto_passwd -b "$passwords" zaitu-simulator "$ZAITU_SIMULATOR_PASSWORD"
cp /zaitu/mosquitto.acl /mosquitto/data/acl
{
    cat /zaitu/mosquitto.conf
    echo "listener 1883"
    echo "persistence_location /mosquitto/data/"
    echo "password_file $passwords"
    echo "acl_file /mosquitto/data/acl"
    echo "log_dest stderr"
} > /mosquitto/config/zaitu.conf
chown -R mosquitto:mosquitto /mosquitto/data /mosquitto/config/zaitu.conf
exec mosquitto --config-file /mosquitto/config/zaitu.conf
