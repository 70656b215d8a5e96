-- Generated from sql/migrations by `flask --app api.cli docs write`; do not edit.

INSERT INTO alembic_version (version_num) VALUES ('0001');
UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';
UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';
UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';
UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';
UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';
UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006';
UPDATE alembic_version SET version_num='0008' WHERE alembic_version.version_num = '0007';
UPDATE alembic_version SET version_num='0009' WHERE alembic_version.version_num = '0008';
UPDATE alembic_version SET version_num='0010' WHERE alembic_version.version_num = '0009';
UPDATE alembic_version SET version_num='0011' WHERE alembic_version.version_num = '0010';
UPDATE alembic_version SET version_num='0012' WHERE alembic_version.version_num = '0011';
UPDATE alembic_version SET version_num='0013' WHERE alembic_version.version_num = '0012';
UPDATE alembic_version SET version_num='0014' WHERE alembic_version.version_num = '0013';
UPDATE alembic_version SET version_num='0015' WHERE alembic_version.version_num = '0014';
UPDATE alembic_version SET version_num='0016' WHERE alembic_version.version_num = '0015';
UPDATE alembic_version SET version_num='0017' WHERE alembic_version.version_num = '0016';
UPDATE alembic_version SET version_num='0018' WHERE alembic_version.version_num = '0017';
UPDATE alembic_version SET version_num='0019' WHERE alembic_version.version_num = '0018';
UPDATE alembic_version SET version_num='0020' WHERE alembic_version.version_num = '0019';
